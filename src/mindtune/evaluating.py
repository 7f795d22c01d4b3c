"""Evaluate trained weights by one of the protocols, and write what was found."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from mindtune import assemble, rank_checks, run_folder
from mindtune.adapter import read_weights
from mindtune.classifier import Classifier
from mindtune.config import EvaluateConfig, flatten
from mindtune.config_checks import check_config
from mindtune.data.datasets import (
    IMAGENET_A,
    IMAGENET_R,
    SEVERITIES,
    corruption_source,
    corruptions_at,
    imagenet_class_names,
    imagenet_subset,
)
from mindtune.data.source import ImageSource
from mindtune.engine.distributed.world import World, init
from mindtune.engine.log import console_of
from mindtune.environment import versions
from mindtune.errors import ConfigError
from mindtune.evaluation.classification import ClassificationResult, evaluate_classification
from mindtune.evaluation.corruptions import summarise_corruptions
from mindtune.files import write_atomically
from mindtune.parameters import weights_of
from mindtune.pretrained import Pretrained, load_for_evaluation

_SUBSETS = {"imagenet_a": IMAGENET_A, "imagenet_r": IMAGENET_R}
_HOLD_OUT_KEYS = (
    "seed", "data.name", "data.classes", "data.val_fraction", "data.skip_unreadable",
    "evaluation.selection",
)  # fmt: skip


@dataclass(frozen=True)
class _Evaluation:
    """What every protocol needs."""

    config: EvaluateConfig
    pretrained: Pretrained
    folder: Path
    world: World
    console: Console

    def network(self, num_classes: int) -> Classifier:
        """The network with its weights; then makes the folder, before the long part begins."""
        network = assemble.build_classifier(self.config, num_classes, self.pretrained.preprocessing)
        report = load_for_evaluation(network, self.pretrained, self.config.position_resize)
        self.console.print(report.summary(), highlight=False)
        self.console.print(f"images: {network.backbone.preprocessing}", highlight=False)
        if self.world.is_main:
            run_folder.make_folder(self.folder)
        self.world.broadcast(weights_of(network))
        return network

    def run(
        self, network: Classifier, source: ImageSource, logit_indices: np.ndarray | None = None
    ) -> ClassificationResult:
        """Count the network's answers on all images of ``source``."""
        preprocessing, world = network.backbone.preprocessing, self.world
        rank_checks.check_same_data(world, {"evaluation": source}, preprocessing)
        loader = assemble.build_eval_loader(
            self.config, source, preprocessing, world.rank, world.size
        )
        return evaluate_classification(
            network, loader, len(source.class_names), logit_indices, world.sum
        )

    def write_per_class(
        self, name: str, class_names: Sequence[str], result: ClassificationResult
    ) -> None:
        """Rank 0 writes the table of classes."""
        if self.world.is_main:
            path = self.folder / f"eval_{name}_per_class.csv"
            _write_per_class(path, class_names, result)

    def root(self) -> Path:
        """Where the images of a protocol lie that is no data set of training."""
        if self.config.data.root is None:
            raise ConfigError(
                f"data.root: got nothing, expected the folder of {self.config.protocol}"
            )
        return Path(self.config.data.root)


def evaluate(
    config: EvaluateConfig, folder: Path, console: Console | None = None
) -> dict[str, Any]:
    """Evaluate ``config.pretrained``; results go to ``folder`` as JSON and per-class CSV.

    Numbers are float32 whatever the run trained in.

    Raises:
        UserError: weights, data and configuration do not fit each other.
    """
    check_config(config)
    pretrained = read_weights(config)
    world = init(config.device_target, config.seed, config.distributed.timeout)
    rank_checks.check_same_config(world, config)
    console = console or console_of(world.rank, world.size)
    evaluation = _Evaluation(config, pretrained, folder, world, console)
    protocols = {"classification": _classification, "imagenet_c": _imagenet_c}
    name, found = protocols.get(config.protocol, _imagenet_subset)(evaluation)
    result = {
        "protocol": config.protocol,
        "weights": str(pretrained.path),
        "pretrained_key": config.pretrained_key,
        "precision": "fp32",
        "ranks": world.size,
        **found,
        "versions": versions(),
    }
    if world.is_main:
        write_atomically(folder / f"eval_{name}.json", json.dumps(result, indent=2).encode())
    shown = {k: v for k, v in found["metrics"].items() if isinstance(v, (int, float))}
    console.print(
        f"{name}: " + ", ".join(f"{k} {v:.4f}" for k, v in shown.items()), highlight=False
    )
    console.print(f"written to {folder / f'eval_{name}.json'}", highlight=False)
    return result


def _classification(evaluation: _Evaluation) -> tuple[str, dict[str, Any]]:
    config = evaluation.config
    splits = assemble.build_splits(config, evaluation.console.print)
    split = config.split or splits.final_split
    if split == "val" and "val" not in splits.on_disk:
        _refuse_other_hold_out(config, evaluation.pretrained)
    source = splits.evaluation(split)
    evaluation.pretrained.check_classes(source.class_names)
    result = evaluation.run(evaluation.network(len(source.class_names)), source)
    evaluation.write_per_class(split, source.class_names, result)
    found = {"split": split, "data": vars(config.data), "skipped_images": splits.skipped}
    return split, {**found, "metrics": result.metrics()}


def _refuse_other_hold_out(config: EvaluateConfig, pretrained: Pretrained) -> None:
    """A validation split cut anew must be the one that training left out."""
    stored = flatten(pretrained.header.get("config", {}))
    if not stored:
        return
    present = flatten(run_folder.plain(config))
    differing = [key for key in _HOLD_OUT_KEYS if stored.get(key) != present.get(key)]
    if differing or stored["evaluation.selection"] != "val":
        reason = (
            f"{differing[0]} {stored[differing[0]]} -> {present[differing[0]]}"
            if differing
            else "the run chose on test, so all of train was trained on"
        )
        raise ConfigError(
            f"split: got val, which is no split of {config.data.name} on disk, and the part held "
            f"out now would hold training images ({reason}); use --split test, or the values of "
            "the run"
        )


def _imagenet_subset(evaluation: _Evaluation) -> tuple[str, dict[str, Any]]:
    protocol = evaluation.config.protocol
    subset = imagenet_subset(_SUBSETS[protocol], evaluation.root())
    network = evaluation.network(len(imagenet_class_names()))
    result = evaluation.run(network, subset.source, subset.logit_indices)
    evaluation.write_per_class(protocol, subset.source.class_names, result)
    return protocol, {"metrics": result.metrics()}


def _imagenet_c(evaluation: _Evaluation) -> tuple[str, dict[str, Any]]:
    """All folders are opened first: a missing one must not be found after hours."""
    root = evaluation.root()
    sources = {
        (corruption, severity): corruption_source(root, corruption, severity)
        for corruption in corruptions_at(root)
        for severity in SEVERITIES
    }
    network = evaluation.network(len(imagenet_class_names()))
    top1 = {}
    for (corruption, severity), source in sources.items():
        top1[corruption, severity] = evaluation.run(network, source).metrics()["top1"]
        line = f"{corruption} {severity}: top-1 {top1[corruption, severity]:.2f} %"
        evaluation.console.print(line, highlight=False)
    return "imagenet_c", {"metrics": summarise_corruptions(top1)}


def _write_per_class(path: Path, names: Sequence[str], result: ClassificationResult) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["class", "name", "images", "correct", "top1"])
    rows = zip(
        names, result.per_class_images, result.per_class_correct, result.per_class_accuracy()
    )
    for index, (name, images, correct, accuracy) in enumerate(rows):
        writer.writerow([index, name, images, correct, f"{accuracy:.4f}"])
    write_atomically(path, text.getvalue().encode())
