"""What a classifier said of every single image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import softmax


@dataclass(frozen=True)
class Predictions:
    """Of N images, in their order.

    Attributes:
        labels: int32 (N,).
        predicted: the class of the largest logit, the lower index of equal ones, int32 (N,).
        confidences: its probability, float32 (N,).
        label_confidences: the probability of the right class, float32 (N,).
    """

    labels: np.ndarray
    predicted: np.ndarray
    confidences: np.ndarray
    label_confidences: np.ndarray

    def most_confident_errors(self, count: int) -> np.ndarray:
        """Positions of the images that are wrong, the surest first, at most ``count``; int64."""
        wrong = np.flatnonzero(self.predicted != self.labels)
        order = np.argsort(-self.confidences[wrong], kind="stable")
        return wrong[order[:count]]


class PredictionRecorder:
    """Collects one rank's share: the images ``rank``, ``rank + ranks``, ... of a split."""

    def __init__(self) -> None:
        self._parts: list[np.ndarray] = []

    def add(self, logits: np.ndarray, labels: np.ndarray) -> None:
        """The next images: finite logits (B, K), labels (B,)."""
        shares = softmax(logits.astype(np.float64), axis=1)
        predicted = logits.argmax(axis=1)
        rows = np.arange(len(labels))
        columns = (labels, predicted, shares[rows, predicted], shares[rows, labels])
        self._parts.append(np.stack(columns, axis=1).astype(np.float32))  # (B, 4)

    def gathered(self, gather: Callable[[np.ndarray], list[np.ndarray]]) -> Predictions:
        """Of all ranks, in the order of the images; ``gather`` gives the array of every rank."""
        own = np.concatenate([np.empty((0, 4), np.float32), *self._parts])
        shares = gather(own)
        rows = np.empty((sum(map(len, shares)), 4), np.float32)
        for rank, share in enumerate(shares):
            rows[rank :: len(shares)] = share
        labels, predicted = rows[:, :2].astype(np.int32).T
        return Predictions(labels, predicted, rows[:, 2], rows[:, 3])
