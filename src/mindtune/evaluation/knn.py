"""Weighted k-NN classification by the features of a frozen network, exact over ranks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np

from mindtune.errors import ConfigError, DataError
from mindtune.evaluation.classification import rank_of_labels
from mindtune.evaluation.features import LabelledFeatures
from mindtune.ops.nearest_neighbours import Nearest, NearestNeighbours, merge_nearest

_ROWS_AT_ONCE = 8192  # of the bank, brought to unit length
_QUERIES_AT_ONCE = 1024  # exchanged between ranks, and judged
_LEAST_NORM = 1e-12  # PyTorch's, below which a feature stays shorter than 1


class Ranks(Protocol):
    """Who shares the features: ``mindtune.engine.distributed.world.World``."""

    @property
    def rank(self) -> int: ...

    @property
    def size(self) -> int: ...

    def gather(self, values: np.ndarray) -> list[np.ndarray]: ...


def check_knn(ks: Sequence[int], bank_images: int, queries: int, num_classes: int) -> None:
    """Refuse what no accuracy can be told from.

    Raises:
        ConfigError: more neighbours than the bank has images.
        DataError: fewer than two classes, or no queries.
    """
    if num_classes < 2:
        raise DataError(f"k-NN: got {num_classes} class(es), expected at least 2 to tell apart")
    if queries == 0:
        raise DataError("k-NN: got no images to classify, expected at least 1; check the split")
    if max(ks) > bank_images:
        raise ConfigError(
            f"knn.k: got {max(ks)} neighbours, expected at most the {bank_images} images of the "
            "train split, which they are sought in; lower --knn.k"
        )


def evaluate_knn(
    bank: Iterable[np.ndarray],
    bank_labels: np.ndarray,
    queries: LabelledFeatures,
    num_classes: int,
    ks: Sequence[int],
    temperature: float,
    ranks: Ranks,
) -> dict[int, dict[str, float]]:
    """``{k: {"top1", "top5"}}`` in percent, the same on all ranks.

    Each query's k most similar images of the bank (cosine) vote for their class with weight
    exp(similarity / temperature); Wu et al., "Unsupervised Feature Learning via Non-Parametric
    Instance Discrimination", CVPR 2018, as DINO evaluates. As there "top5" counts the first
    min(5, k) classes, those without a vote among them. Equal votes go to the lower class and equal
    similarities to the lower image, which DINO's code leaves to its sorting.

    The bank passes by and is not kept: memory is that of the queries and of their neighbours. All
    ranks hold all queries, and each seeks in its share of the bank.

    Args:
        bank: features of the images to seek in, this rank's share, in parts (n, D) of any length.
        bank_labels: of all of them, int32 (N,).
        queries: images to classify, this rank's share.
        num_classes: number of classes the labels range over.
        ks: numbers of neighbours.
        temperature: T.
        ranks: all that call this.

    Raises:
        ConfigError: more neighbours than the bank has images.
        DataError: fewer than two classes, or no queries.
        ValueError: features of another number of images than there are labels.
    """
    check_knn(ks, len(bank_labels), len(queries.labels), num_classes)
    search = NearestNeighbours(_all_queries(queries, ranks), max(ks))
    for block in _blocks(bank):
        search.add(_unit(block))
    if search.rows_seen != len(range(ranks.rank, len(bank_labels), ranks.size)):
        raise ValueError(f"k-NN: got {search.rows_seen} features for {len(bank_labels)} labels")
    hits = dict.fromkeys(ks, np.zeros(2, np.int64))
    for part, (similarities, images) in _neighbours(search, len(queries.labels), ranks):
        neighbour_labels = bank_labels[images]
        weights = np.exp((similarities - similarities[:, :1]).astype(np.float64) / temperature)
        for k in ks:
            votes = _votes(neighbour_labels[:, :k], weights[:, :k], num_classes)
            rank = rank_of_labels(votes, queries.labels[part])
            hits[k] = hits[k] + [np.sum(rank < 1), np.sum(rank < min(5, k))]
    shares = {k: 100.0 * counts / len(queries.labels) for k, counts in hits.items()}
    return {k: {"top1": float(one), "top5": float(five)} for k, (one, five) in shares.items()}


def _blocks(parts: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """The rows of ``parts`` in blocks long enough that a search is worth its start."""
    waiting: list[np.ndarray] = []
    for part in parts:
        for start in range(0, len(part), _ROWS_AT_ONCE):
            waiting.append(part[start : start + _ROWS_AT_ONCE])
            if sum(map(len, waiting)) >= _ROWS_AT_ONCE:
                yield np.concatenate(waiting)
                waiting = []
    if waiting:
        yield np.concatenate(waiting)


def _all_queries(queries: LabelledFeatures, ranks: Ranks) -> np.ndarray:
    """Features of all ranks in the order of images, of unit length, (N, D)."""
    total, width = len(queries.labels), queries.values.shape[1]
    gathered = np.empty((total, width), np.float32)
    most = -(-total // ranks.size)
    for start in range(0, most, _QUERIES_AT_ONCE):
        own = _unit(queries.values[start : start + _QUERIES_AT_ONCE])
        for rank, part in enumerate(ranks.gather(own)):
            first = start * ranks.size + rank
            gathered[first :: ranks.size][: len(part)] = part
    return gathered


def _neighbours(
    search: NearestNeighbours, queries: int, ranks: Ranks
) -> Iterator[tuple[slice, Nearest]]:
    """For some queries after the other their neighbours in the whole bank, as numbers of images."""
    similarities, rows = search.found()
    images = rows * ranks.size + ranks.rank
    for start in range(0, queries, _QUERIES_AT_ONCE):
        part = slice(start, start + _QUERIES_AT_ONCE)
        if ranks.size == 1:
            yield part, (similarities[part], images[part])
            continue
        # Transposed, since ranks of a small bank may have found fewer than k.
        gathered = [ranks.gather(found[part].T) for found in (similarities, images)]
        answers = [(values.T, numbers.T) for values, numbers in zip(*gathered)]
        yield part, merge_nearest(answers, search.k)


def _votes(labels: np.ndarray, weights: np.ndarray, num_classes: int) -> np.ndarray:
    """Sum of weights a class: labels and weights (B, k) -> (B, C)."""
    places = labels + num_classes * np.arange(len(labels))[:, None]
    sums = np.bincount(places.ravel(), weights.ravel(), minlength=len(labels) * num_classes)
    return sums.reshape(len(labels), num_classes)  # (B, C)


def _unit(features: np.ndarray) -> np.ndarray:
    """Rows of length 1."""
    norms = np.sqrt(np.einsum("nd,nd->n", features, features))
    return features / np.maximum(norms, _LEAST_NORM)[:, None]
