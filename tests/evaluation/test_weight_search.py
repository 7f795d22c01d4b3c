"""Numbers chosen on validation images."""

from __future__ import annotations

import numpy as np

from mindtune.evaluation.weight_search import search_pair, top1

LABELS = np.array([0, 1, 1, 0])


def logits(first: float, second: float) -> np.ndarray:
    """Right for image i where first * second exceeds i."""
    right = np.arange(4) < first * second
    return np.eye(2)[np.where(right, LABELS, 1 - LABELS)]


def test_the_best_pair_is_found():
    assert search_pair(logits, LABELS, (1, 1), [1, 2, 3], [0.5, 1.4]) == (3, 1.4)


def test_the_given_pair_stays_where_none_is_better():
    assert search_pair(logits, LABELS, (2, 1), [1, 2, 0.5], [0.5, 1.0]) == (2, 1)


def test_equal_logits_go_to_the_lower_class():
    assert top1(np.zeros((4, 2)), LABELS) == 50
