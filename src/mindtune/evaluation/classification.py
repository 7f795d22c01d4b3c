"""Exact top-1, top-5, loss and per-class accuracy of a network on a labelled split."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from mindspore import Tensor, nn
from scipy.special import logsumexp

from mindtune.errors import DataError, DivergedError


@dataclass
class ClassificationResult:
    """Sums over the images seen; ratios are taken once, at the end.

    Attributes:
        num_classes: K.
        images: images counted.
        top1, top5: of them, how many have their label first, or among the first five.
        loss_sum: summed cross-entropy against hard labels, nats.
        per_class_images, per_class_correct: int64 (K,).
    """

    num_classes: int
    images: int = 0
    top1: int = 0
    top5: int = 0
    loss_sum: float = 0.0
    per_class_images: np.ndarray = field(init=False)
    per_class_correct: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.per_class_images = np.zeros(self.num_classes, np.int64)
        self.per_class_correct = np.zeros(self.num_classes, np.int64)

    def add(self, logits: np.ndarray, labels: np.ndarray) -> None:
        """Count logits (B, K) against labels (B,). Ties go to the lower class index.

        Raises:
            DivergedError: logits that are NaN or infinite, which no ranking can be read from.
        """
        broken = int(np.sum(~np.isfinite(logits).all(axis=1)))
        if broken:
            raise DivergedError(
                f"evaluation: got NaN or infinite logits for {broken} of {len(labels)} images, "
                "expected finite ones; the weights are broken: start from others, or train with "
                "a lower --optim.lr"
            )
        logits = logits.astype(np.float64)
        own = np.take_along_axis(logits, labels[:, None], axis=1)  # (B, 1)
        rank = rank_of_labels(logits, labels)
        self.images += len(labels)
        self.top1 += int(np.sum(rank < 1))
        self.top5 += int(np.sum(rank < 5))
        self.loss_sum += float(np.sum(logsumexp(logits, axis=1) - own[:, 0]))
        np.add.at(self.per_class_images, labels, 1)
        np.add.at(self.per_class_correct, labels[rank < 1], 1)

    def total(self, sum_over_ranks: Callable[[np.ndarray], np.ndarray]) -> None:
        """Replace this rank's sums by those of all ranks; float64 counts exactly below 2^53."""
        own = [self.images, self.top1, self.top5, self.loss_sum]
        sums = sum_over_ranks(
            np.concatenate([own, self.per_class_images, self.per_class_correct]).astype(np.float64)
        )
        self.images, self.top1, self.top5 = (int(count) for count in sums[:3])
        self.loss_sum = float(sums[3])
        per_class = sums[4:].astype(np.int64).reshape(2, self.num_classes)  # (2, K)
        self.per_class_images, self.per_class_correct = per_class

    def metrics(self) -> dict[str, Any]:
        """``top1`` and ``top5`` in percent, mean ``loss`` in nats, ``images`` counted."""
        if self.images == 0:
            raise DataError("evaluation: got no images, expected at least 1; check the split")
        return {
            "top1": 100.0 * self.top1 / self.images,
            "top5": 100.0 * self.top5 / self.images,
            "loss": self.loss_sum / self.images,
            "images": self.images,
        }

    def per_class_accuracy(self) -> np.ndarray:
        """Top-1 of each class in percent, float64 (K,); NaN for a class without images."""
        counted = np.where(self.per_class_images > 0, self.per_class_images, 1)
        accuracy = 100.0 * self.per_class_correct / counted
        return np.where(self.per_class_images > 0, accuracy, np.nan)


def rank_of_labels(scores: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How many classes stand before the right one: scores (B, K), labels (B,) -> (B,).

    Equal scores stand in the order of the classes.
    """
    own = np.take_along_axis(scores, labels[:, None], axis=1)  # (B, 1)
    tied_before = (scores == own) & (np.arange(scores.shape[1]) < labels[:, None])
    return np.sum((scores > own) | tied_before, axis=1)


def evaluate_classification(
    network: nn.Cell,
    batches: Iterable[tuple[np.ndarray, ...]],
    num_classes: int,
    logit_indices: Sequence[int] | np.ndarray | None = None,
    sum_over_ranks: Callable[[np.ndarray], np.ndarray] | None = None,
    watch: Callable[[np.ndarray, np.ndarray], None] | None = None,
) -> ClassificationResult:
    """Run ``network`` in evaluation mode over (images, labels, valid) batches.

    Args:
        network: images (B, 3, S, S) -> logits (B, K); its train mode is restored afterwards.
        batches: what ``EvalLoader`` yields; images that ``valid`` marks False are not counted.
        num_classes: number of classes the labels range over.
        logit_indices: logits to keep, in label order, where the labels are a subset of the
            network's classes (ImageNet-A and -R); default: all.
        sum_over_ranks: adds up float64 arrays of all ranks, where each has its share of the images.
        watch: told the logits (B, K) and labels (B,) that are counted, batch by batch.
    """
    result = ClassificationResult(num_classes)
    was_training = network.training
    network.set_train(False)
    try:
        for images, labels, valid in batches:
            logits = network(Tensor(images)).asnumpy()
            if logit_indices is not None:
                logits = logits[:, np.asarray(logit_indices)]
            keep = valid.reshape(-1).astype(bool)
            counted = logits[keep], labels.reshape(-1)[keep]
            result.add(*counted)
            if watch is not None:
                watch(*counted)
    finally:
        network.set_train(was_training)
    if sum_over_ranks is not None:
        result.total(sum_over_ranks)
    return result
