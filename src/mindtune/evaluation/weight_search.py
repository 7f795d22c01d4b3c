"""Two numbers that weigh the parts of a few-shot classifier, chosen on validation images."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import product

import numpy as np

from mindtune.evaluation.classification import ClassificationResult


def search_pair(
    logits: Callable[[float, float], np.ndarray],
    labels: np.ndarray,
    asked: tuple[float, float],
    firsts: Iterable[float],
    seconds: Iterable[float],
) -> tuple[float, float]:
    """The best of ``asked`` and of ``firsts`` x ``seconds``.

    The best accuracy wins, of equal ones, of which few images give many, the smallest loss.

    Args:
        logits: the validation logits (N, C) with a pair.
        labels: (N,).
        asked: the values that were given.
        firsts: values of the first number.
        seconds: values of the second.
    """

    def badness(pair: tuple[float, float]) -> tuple[int, float]:
        found = logits(*pair)
        result = ClassificationResult(found.shape[1])
        result.add(found, labels)
        return -result.top1, result.loss_sum

    return min((asked, *product(firsts, seconds)), key=badness)
