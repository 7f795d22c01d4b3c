"""Protocol ``few_shot``: episodes of a few classes, with a few labelled images of each."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np
from rich.table import Table

from mindtune.config import FewShotConfig
from mindtune.data.source import ImageSource
from mindtune.errors import ConfigError
from mindtune.evaluation.episodes import EpisodeShape, FeatureBank, check_episodes
from mindtune.evaluation.few_shot import FewShotResult, create_classifiers, evaluate_few_shot
from mindtune.evaluation.few_shot_features import FEW_SHOT_FEATURES
from mindtune.frozen.features import FrozenFeatures
from mindtune.protocols.evaluation import Evaluation
from mindtune.protocols.judged_split import judged_split
from mindtune.run import rank_checks

Results = dict[tuple[str, int], FewShotResult]  # by classifier and shots


def few_shot(evaluation: Evaluation) -> tuple[str, dict[str, Any]]:
    """Mean accuracy and its 95 % interval, for every classifier and number of shots."""
    options, world = evaluation.config.few_shot, evaluation.world
    _check(options)
    makers = {str(name): create_classifiers(name) for name in options.classifiers}
    shapes = [EpisodeShape(options.way, shot, options.queries) for shot in options.shots]
    split, source, found = judged_split(evaluation)
    for shape in shapes:
        check_episodes(source.labels, source.class_names, shape)
    bank = _bank(evaluation, source)
    results: Results = {}
    for name, make_classifiers in makers.items():
        for shape in shapes:
            results[name, shape.shot] = evaluate_few_shot(
                bank, shape, make_classifiers, options.episodes, evaluation.config.seed,
                rank=world.rank, ranks=world.size, sum_over_ranks=world.sum,
            )  # fmt: skip
    evaluation.console.print(_table(f"{split}, {options.way}-way", results))
    metrics = {}
    for (name, shot), result in results.items():
        metrics[f"{name}_{shot}shot"] = result.mean
        metrics[f"{name}_{shot}shot_interval"] = result.interval
    asked = {key: value for key, value in asdict(options).items() if key != "cache"}
    found = {**found, "images": len(source), "seed": evaluation.config.seed, "few_shot": asked}
    return f"few_shot_{evaluation.config.data.name}_{split}", {**found, "metrics": metrics}


def _check(options: FewShotConfig) -> None:
    if options.episodes < 1:
        raise ConfigError(f"few_shot.episodes: got {options.episodes}, expected at least 1")
    for key in ("shots", "classifiers"):
        values = getattr(options, key)
        if not values or len(set(values)) < len(values):
            raise ConfigError(f"few_shot.{key}: got {values}, expected one or more different ones")


def _bank(evaluation: Evaluation, source: ImageSource) -> FeatureBank:
    """Features of all images, on every rank."""
    config, world = evaluation.config, evaluation.world
    network = evaluation.network_without_head()
    rank_checks.check_same_data(world, {"evaluation": source}, network.preprocessing)
    cell = FEW_SHOT_FEATURES[config.few_shot.features](network.backbone)
    what = {
        "output": f"few_shot {config.few_shot.features}",
        "backbone": asdict(config.backbone),
        "tuning": asdict(config.tuning),
    }
    share = FrozenFeatures(
        cell, cell.num_features, source, network.preprocessing, config, world,
        cache=config.few_shot.cache, what=what,
    ).share()  # fmt: skip
    features = np.empty((len(source), cell.num_features), np.float32)
    for rank, values in enumerate(world.gather(share.values)):
        features[rank :: world.size] = values
    return FeatureBank(features, share.labels, len(source.class_names))


def _table(title: str, results: Results) -> Table:
    """Accuracies, a row a classifier and a column a number of shots."""
    names = list(dict.fromkeys(name for name, _ in results))
    shots = list(dict.fromkeys(shot for _, shot in results))
    table = Table(title=title)
    table.add_column("classifier")
    for shot in shots:
        table.add_column(f"{shot}-shot", justify="right")
    for name in names:
        cells = [results[name, shot] for shot in shots]
        table.add_row(name, *(f"{cell.mean:.2f} ± {cell.interval:.2f} %" for cell in cells))
    return table
