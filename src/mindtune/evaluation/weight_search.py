"""Two numbers that weigh the parts of a few-shot classifier, chosen on validation images."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

Logits = Callable[[float, float], np.ndarray]


def top1(logits: np.ndarray, labels: np.ndarray) -> float:
    """Accuracy in percent of logits (N, C); ties go to the lower class."""
    return 100.0 * float(np.mean(logits.argmax(axis=1) == labels))


def search_pair(
    logits: Logits,
    labels: np.ndarray,
    start: tuple[float, float],
    firsts: Iterable[float],
    seconds: Iterable[float],
) -> tuple[float, float]:
    """The pair of ``firsts`` x ``seconds`` with the best accuracy; ``start`` where none is better.

    Few validation images give many ties, of which the given values win and then the first pair:
    without evidence nothing changes.

    Args:
        logits: the validation logits (N, C) with a pair.
        labels: (N,).
        start: the values that were given.
        firsts: values of the first number.
        seconds: values of the second.
    """
    best, best_pair = top1(logits(*start), labels), start
    others = list(seconds)
    for first in firsts:
        for second in others:
            found = top1(logits(first, second), labels)
            if found > best:
                best, best_pair = found, (first, second)
    return best_pair
