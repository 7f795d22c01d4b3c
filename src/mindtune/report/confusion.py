"""Which classes are taken for which."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mindtune.report.run_files import Judged
from mindtune.report.section import Section

_MATRIX = 20  # as many classes fit a matrix; of more, the most frequent confusions
_PAIRS = 20


@dataclass(frozen=True)
class Cell:
    """Images of a row's class that were called a column's; ``share`` of all of the row."""

    count: int
    share: float
    right: bool


@dataclass(frozen=True)
class Pair:
    """``count`` images of ``label`` were called ``predicted``, ``percent`` of that class."""

    label: str
    predicted: str
    count: int
    percent: float


@dataclass(frozen=True)
class Confusion:
    """Either ``rows``, a matrix with the classes in both directions, or ``pairs``."""

    names: list[str]
    rows: list[list[Cell]]
    pairs: list[Pair]


def confusion(judged: Judged) -> Section | None:
    """Of a classifier whose every answer was kept."""
    if not judged.predictions:
        return None
    names = [row["name"] for row in judged.classes]
    counts = confusion_matrix(judged, len(names))
    anchor = f"confusion_{judged.name}"
    if len(names) <= _MATRIX:
        content = Confusion(names, _matrix(counts), [])
        return Section(f"Confusion matrix, {judged.name}", "confusion", content, anchor)
    content = Confusion(names, [], _pairs(counts, names))
    return Section(f"Most frequent confusions, {judged.name}", "confusion", content, anchor)


def confusion_matrix(judged: Judged, classes: int) -> np.ndarray:
    """Images by label and prediction, int64 (K, K)."""
    counts = np.zeros((classes, classes), np.int64)
    for row in judged.predictions:
        counts[int(row["label"]), int(row["predicted"])] += 1
    return counts


def _matrix(counts: np.ndarray) -> list[list[Cell]]:
    totals = np.maximum(counts.sum(1), 1)
    return [
        [
            Cell(int(count), float(count / total), label == predicted)
            for predicted, count in enumerate(row)
        ]
        for label, (row, total) in enumerate(zip(counts, totals))
    ]


def _pairs(counts: np.ndarray, names: list[str]) -> list[Pair]:
    totals = np.maximum(counts.sum(1), 1)
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:_PAIRS]
    places = [divmod(int(place), len(names)) for place in order]
    return [
        Pair(names[label], names[predicted], int(wrong[label, predicted]),
             float(100 * wrong[label, predicted] / totals[label]))
        for label, predicted in places if wrong[label, predicted] > 0
    ]  # fmt: skip
