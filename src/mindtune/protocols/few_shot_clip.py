"""Protocol ``few_shot_clip``: a CLIP and what can be added to it with a few images a class."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from types import ModuleType
from typing import Any

import numpy as np
from rich.table import Table

from mindtune import assemble
from mindtune.config import EvaluateConfig
from mindtune.data.run_splits import RunSplits
from mindtune.errors import ConfigError
from mindtune.evaluation.diagnosis_plots import require_plots
from mindtune.evaluation.few_shot_plots import plot_shots
from mindtune.evaluation.shot_results import ShotResults
from mindtune.files import write_atomically
from mindtune.frozen.class_texts import class_texts, templates_for
from mindtune.frozen.few_shot_classifiers import FewShotTask, compare
from mindtune.frozen.few_shot_sources import few_shot_sources
from mindtune.frozen.tower_features import TowerFeatures
from mindtune.frozen.towers import FeatureTowers, read_towers
from mindtune.protocols.evaluation import Evaluation
from mindtune.run import rank_checks, run_folder

_PURPOSES = ("train", "val", "test")
_OF_AUXILIARY = {"auxiliary", "amu"}


def few_shot_clip(evaluation: Evaluation) -> tuple[str, dict[str, Any]]:
    """Top-1 by method, number of shots and seed; writes a table (.md, .csv) and a figure too.

    Raises:
        ConfigError: options that ask for nothing, or that this protocol cannot follow.
        UserError: matplotlib is missing where a figure is asked for.
    """
    config, options = evaluation.config, evaluation.config.few_shot_clip
    _check(config)
    pyplot = require_plots("few_shot_clip.plot: draws a figure") if options.plot else None
    splits = assemble.build_splits(config, evaluation.console.print)
    split = splits.final_split
    needed = _with_needed_networks(config)
    towers = read_towers(needed, evaluation.world, evaluation.say, evaluation.pretrained)
    results = ShotResults(config.data.name, split, {})
    for (shots, seed), task in _tasks(evaluation, splits, towers):
        for name, scores in compare(task).items():
            results.scores[name, shots, seed] = scores
        _say_progress(evaluation, results, shots, seed)
    evaluation.console.print(_table(results))
    name = f"few_shot_clip_{config.data.name}_{split}"
    if evaluation.world.is_main:
        _write(evaluation, f"eval_{name}", results, pyplot)
    source = splits.open(split)
    found = {
        "split": split,
        "data": vars(config.data),
        "backbone": config.backbone.name,
        "templates": templates_for(config),
        "amu": asdict(config.amu),
        "few_shot_clip": asdict(options),
        "class_names": list(source.class_names),
        "test_images": len(source),
        "accuracies": results.rows(),
        "skipped_images": splits.skipped,
    }
    return name, {**found, "metrics": results.metrics()}


def _with_needed_networks(config: EvaluateConfig) -> EvaluateConfig:
    """Networks beside the CLIP are read only where a method asks for them."""
    if _OF_AUXILIARY & set(config.few_shot_clip.methods):
        return config
    return replace(config, amu=replace(config.amu, auxiliary=[]))


def _write(
    evaluation: Evaluation, name: str, results: ShotResults, pyplot: ModuleType | None
) -> None:
    """The tables and, with ``pyplot``, the figure."""
    options, file = evaluation.config.few_shot_clip, evaluation.folder / f"{name}.md"
    write_atomically(file, results.markdown().encode())
    write_atomically(file.with_suffix(".csv"), results.csv().encode())
    if pyplot is not None:
        title = f"{results.data}, {evaluation.config.backbone.name}"
        values = {str(method): results.values(method) for method in options.methods}
        plot_shots(pyplot, file.with_suffix(".png"), title, options.shots, values)


def _check(config: EvaluateConfig) -> None:
    options, amu = config.few_shot_clip, config.amu
    for key in ("shots", "seeds", "methods"):
        values = getattr(options, key)
        if not values or len(set(values)) < len(values):
            raise ConfigError(
                f"few_shot_clip.{key}: got {values}, expected one or more different ones"
            )
    if min(options.shots) < 1:
        raise ConfigError(f"few_shot_clip.shots: got {options.shots}, expected at least 1 each")
    if options.largest_alpha <= 0:
        raise ConfigError(
            f"few_shot_clip.largest_alpha: got {options.largest_alpha}, expected more than 0"
        )
    if not amu.auxiliary and _OF_AUXILIARY & set(options.methods):
        raise ConfigError(
            "amu.auxiliary: got an empty list, expected at least one network for the methods "
            "auxiliary and amu"
        )
    if config.split is not None:
        raise ConfigError(
            f"split: got {config.split} with protocol few_shot_clip, which draws from train and "
            "reports test, or val where there is no test; leave it out"
        )
    if amu.cache_views < 1 or amu.adapter is not None:
        raise ConfigError(
            f"amu: got cache_views {amu.cache_views} and adapter {amu.adapter}, expected 1 view or "
            "more and no adapter with protocol few_shot_clip, which trains on kept features"
        )


def _tasks(
    evaluation: Evaluation, splits: RunSplits, towers: FeatureTowers
) -> Iterator[tuple[tuple[int, int], FewShotTask]]:
    """A task for every number of shots and seed; test features are computed for the first only."""
    config, world = evaluation.config, evaluation.world
    options = config.few_shot_clip
    test: list[np.ndarray] = []
    texts = np.empty(0)
    for shots in options.shots:
        for seed in options.seeds:
            amu = replace(config.amu, shots=shots, shot_seed=seed)
            drawn = replace(config, amu=amu, seed=seed)
            sources = few_shot_sources(drawn, splits)
            if not test:
                rank_checks.check_same_data(world, sources, towers.image.preprocessing)
                names = sources["test"].class_names
                texts = class_texts(config, towers.clip, towers.source, names, world)
                if world.is_main:
                    run_folder.make_folder(evaluation.folder)
            features = TowerFeatures(drawn, towers, sources, world)
            test = test or features.whole("test")
            labels = {name: np.asarray(sources[name].labels) for name in _PURPOSES}
            yield (shots, seed), FewShotTask(
                texts, features.views(amu.cache_views), features.whole("train"),
                features.whole("val"), test, labels, seed, amu, options,
            )  # fmt: skip


def _say_progress(evaluation: Evaluation, results: ShotResults, shots: int, seed: int) -> None:
    shown = ", ".join(
        f"{name} {results.scores[name, shots, seed].test:.2f}"
        for name in evaluation.config.few_shot_clip.methods
    )
    evaluation.say(f"{shots}-shot, seed {seed}: {shown}")


def _table(results: ShotResults) -> Table:
    """The summary for the terminal."""
    heading, *rows = results.cells()
    table = Table(title=heading[0])
    table.add_column("method")
    for name in heading[1:]:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*row)
    return table
