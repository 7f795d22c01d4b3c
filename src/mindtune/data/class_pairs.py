"""Pairs of images of one class in a batch, for losses between them; made beside the images."""

from __future__ import annotations

from dataclasses import dataclass

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


def count_partners(labels: np.ndarray, num_classes: int) -> np.ndarray:
    """Other images of an image's class in its row of ``labels`` (rows, A), the same shape."""
    rows = len(labels)
    places = np.arange(rows)[:, None] * num_classes + labels
    counts = np.bincount(places.reshape(-1), minlength=rows * num_classes)
    return counts[places] - 1


def _with_first(labels: np.ndarray, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    _, first, which = np.unique(labels, return_index=True, return_inverse=True)
    return np.stack([i, j, first[which[i]]], axis=1).astype(np.int32)


@dataclass(frozen=True)
class Pairing:
    """Columns about classes for a batch: labels, pairs and their weights, of one shape all run.

    Attributes:
        num_classes: of the labels.
        with_itself: ``members`` instead of ``partners``, within one rank.
        across_ranks: partners are looked for in the batches of all ranks.
        capacity: length of the lists; a longer one keeps its length.
    """

    num_classes: int
    with_itself: bool = False
    across_ranks: bool = False
    capacity: int = 1

    def longest(self, labels: np.ndarray) -> int:
        """Pairs of the rank that has most in any of ``labels`` (batches, ranks, B)."""
        batches, ranks, images = labels.shape
        rows = labels.reshape(batches, -1) if self.across_ranks else labels.reshape(-1, images)
        partners_of = count_partners(rows, self.num_classes).reshape(batches * ranks, images)
        most = int(partners_of.sum(1).max(initial=0))
        return most + images if self.with_itself else most

    def columns(self, labels: np.ndarray, rank: int) -> tuple[np.ndarray, ...]:
        """int32 (A,), int32 (P, 3), float32 (P,) for ``rank`` of a global batch (ranks, B)."""
        if self.across_ranks:
            known, images = labels.reshape(-1), labels.shape[1]
            found = partners(known, rank * images, images)
        else:
            known = labels[rank]
            found = members(known) if self.with_itself else partners(known)
        return (known.astype(np.int32), *filled(found, max(self.capacity, len(found[0]))))
