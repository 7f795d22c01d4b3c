"""Protocols ``imagenet_*``: a network of ImageNet's 1000 classes on other images of them."""

from __future__ import annotations

from typing import Any

from mindtune.data.datasets import (
    IMAGENET_SUBSETS,
    SEVERITIES,
    corruption_source,
    corruptions_at,
    imagenet_class_names,
    imagenet_subset,
)
from mindtune.evaluation.corruptions import summarise_corruptions
from mindtune.protocols.evaluation import Evaluation

SUBSETS = {spec.name: spec for spec in IMAGENET_SUBSETS}


def subset(evaluation: Evaluation) -> tuple[str, dict[str, Any]]:
    """A network of all 1000 classes, judged by those that the set has."""
    protocol = evaluation.config.protocol
    images = imagenet_subset(SUBSETS[protocol], evaluation.root())
    network = evaluation.network(len(imagenet_class_names()))
    result = evaluation.judge(protocol, network, images.source, images.logit_indices)
    return protocol, {"metrics": result.metrics()}


def corruptions(evaluation: Evaluation) -> tuple[str, dict[str, Any]]:
    """ImageNet-C. All folders are opened first: a missing one must not be found after hours."""
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
