"""Pairs of images of one class in a batch, for losses between them; made beside the images."""

from __future__ import annotations

import numpy as np

Pairs = tuple[np.ndarray, np.ndarray]


def partners(labels: np.ndarray, first: int = 0, count: int | None = None) -> Pairs:
    """Ordered pairs of different images of a class, each image's partners sharing its weight.

    Args:
        labels: of the images of all ranks, (A,).
        first: place of this rank's first image among them.
        count: its images; default: all.

    Returns:
        int32 (P, 3): place of image i among all, of its partner j among this rank's, and of the
        first image of the class; and float32 (P,): ``1 / (n_i - 1)`` for the n_i - 1 partners of i,
        divided by twice the images that have any, so that the mean over ranks of all weights is a
        half: a whole for two views.
    """
    count = len(labels) if count is None else count
    equal = labels[:, None] == labels[None, :]
    np.fill_diagonal(equal, False)
    others = equal.sum(1)  # n_i - 1
    i, j = np.nonzero(equal[:, first : first + count])
    paired = max(int(np.count_nonzero(others)), 1)
    weights = len(labels) / count / (2.0 * paired * others[i])
    return _with_first(labels, i, j), weights.astype(np.float32)


def members(labels: np.ndarray) -> Pairs:
    """Ordered pairs of images of a class, each with itself too, all of weight 1 / (2 A).

    This is how the released code sums when patches are weighted by attention.
    """
    i, j = np.nonzero(labels[:, None] == labels[None, :])
    return _with_first(labels, i, j), np.full(len(i), 0.5 / len(labels), np.float32)


def filled(pairs: Pairs, capacity: int) -> Pairs:
    """``pairs`` with entries of weight 0 behind them, ``capacity`` in all."""
    missing = capacity - len(pairs[0])
    return np.pad(pairs[0], ((0, missing), (0, 0))), np.pad(pairs[1], (0, missing))


def count_pairs(labels: np.ndarray, num_classes: int) -> np.ndarray:
    """Ordered pairs of different images of a class in each row of ``labels`` (batches, A).

    Returns:
        int64 (batches,).
    """
    batches, images = labels.shape
    places = np.arange(batches)[:, None] * num_classes + labels
    counts = np.bincount(places.reshape(-1), minlength=batches * num_classes)
    return np.sum(counts.reshape(batches, num_classes) ** 2, axis=1) - images


def _with_first(labels: np.ndarray, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    _, first, which = np.unique(labels, return_index=True, return_inverse=True)
    return np.stack([i, j, first[which[i]]], axis=1).astype(np.int32)
