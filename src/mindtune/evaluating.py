"""Evaluate trained weights by one of the protocols, and write what was found."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from mindtune import assemble, run_folder
from mindtune.classifier import Classifier
from mindtune.config import EvaluateConfig, check_ranges
from mindtune.data.datasets import (
    CORRUPTIONS,
    IMAGENET_A,
    IMAGENET_R,
    SEVERITIES,
    corruption_source,
    imagenet_class_names,
    imagenet_subset,
)
from mindtune.data.source import ImageSource
from mindtune.engine.device import use_device
from mindtune.environment import versions
from mindtune.errors import ConfigError, DataError
from mindtune.evaluation.classification import ClassificationResult, evaluate_classification
from mindtune.evaluation.corruptions import summarise_corruptions
from mindtune.files import write_atomically
from mindtune.pretrained import load_for_evaluation, stored_class_names

_SUBSETS = {"imagenet_a": IMAGENET_A, "imagenet_r": IMAGENET_R}


def evaluate(
    config: EvaluateConfig, folder: Path, console: Console | None = None
) -> dict[str, Any]:
    """Evaluate ``config.pretrained``; results go to ``folder`` as JSON and per-class CSV.

    Raises:
        UserError: weights, data and configuration do not fit each other.
    """
    console = console or Console(soft_wrap=True)
    check_ranges(config)
    if config.pretrained is None:
        raise ConfigError("pretrained: got nothing, expected --pretrained RUN_FOLDER or FILE")
    weights = run_folder.weight_file(Path(config.pretrained))
    use_device(config.device_target, config.seed)
    if config.protocol == "classification":
        name, found = _classification(config, weights, folder, console)
    elif config.protocol == "imagenet_c":
        name, found = config.protocol, _imagenet_c(config, weights, folder, console)
    else:
        name, found = config.protocol, _imagenet_subset(config, weights, folder)
    result = {
        "protocol": config.protocol,
        "weights": str(config.pretrained),
        **found,
        "versions": versions(),
    }
    write_atomically(folder / f"eval_{name}.json", json.dumps(result, indent=2).encode())
    shown = {k: v for k, v in found["metrics"].items() if isinstance(v, (int, float))}
    console.print(
        f"{name}: " + ", ".join(f"{k} {v:.4f}" for k, v in shown.items()), highlight=False
    )
    console.print(f"written to {folder / f'eval_{name}.json'}", highlight=False)
    return result


def _load_network(
    config: EvaluateConfig, weights: Path, num_classes: int, folder: Path
) -> Classifier:
    """The network with its weights; then makes ``folder``, before the long part begins."""
    trained = len(stored_class_names(weights))
    if trained and trained != num_classes:
        raise DataError(
            f"weights {weights}: are of {trained} classes, got data of {num_classes}; evaluate on "
            "the data set and classes of their training (--data.name, --data.root, --data.classes)"
        )
    network = assemble.build_classifier(config, num_classes)
    load_for_evaluation(network, weights, config.pretrained_key)
    run_folder.make_folder(folder)
    return network


def _run(
    config: EvaluateConfig,
    network: Classifier,
    source: ImageSource,
    logit_indices: Sequence[int] | np.ndarray | None = None,
) -> ClassificationResult:
    loader = assemble.build_eval_loader(config, source, network.backbone.preprocessing)
    return evaluate_classification(network, loader, len(source.class_names), logit_indices)


def _classification(
    config: EvaluateConfig, weights: Path, folder: Path, console: Console
) -> tuple[str, dict[str, Any]]:
    splits = assemble.build_splits(config, console.print)
    split = config.split or splits.final_split
    source = splits.evaluation(split)
    network = _load_network(config, weights, len(source.class_names), folder)
    result = _run(config, network, source)
    _write_per_class(folder / f"eval_{split}_per_class.csv", source.class_names, result)
    return split, {"split": split, "data": config.data.name, "metrics": result.metrics()}


def _imagenet_subset(config: EvaluateConfig, weights: Path, folder: Path) -> dict[str, Any]:
    subset = imagenet_subset(_SUBSETS[config.protocol], _root(config))
    network = _load_network(config, weights, len(imagenet_class_names()), folder)
    result = _run(config, network, subset.source, subset.logit_indices)
    path = folder / f"eval_{config.protocol}_per_class.csv"
    _write_per_class(path, subset.source.class_names, result)
    return {"metrics": result.metrics()}


def _imagenet_c(
    config: EvaluateConfig, weights: Path, folder: Path, console: Console
) -> dict[str, Any]:
    network = _load_network(config, weights, len(imagenet_class_names()), folder)
    top1 = {}
    for corruption in CORRUPTIONS:
        for severity in SEVERITIES:
            source = corruption_source(_root(config), corruption, severity)
            top1[corruption, severity] = _run(config, network, source).metrics()["top1"]
            console.print(f"{corruption} {severity}: top-1 {top1[corruption, severity]:.2f} %")
    return {"metrics": summarise_corruptions(top1)}


def _root(config: EvaluateConfig) -> Path:
    if config.data.root is None:
        raise ConfigError(f"data.root: got nothing, expected the folder of {config.protocol}")
    return Path(config.data.root)


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
