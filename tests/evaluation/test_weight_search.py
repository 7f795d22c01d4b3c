"""Numbers chosen on validation images."""

from __future__ import annotations

import numpy as np

from mindtune.evaluation.weight_search import search_pair

LABELS = np.array([0, 1, 1, 0])


def logits(first: float, second: float) -> np.ndarray:
    """Right for image i where first * second exceeds i, and surer with a larger second."""
    right = np.arange(4) < first * second
    return second * np.eye(2)[np.where(right, LABELS, 1 - LABELS)]


def test_the_best_pair_is_found():
    assert search_pair(logits, LABELS, (1, 1), [1, 2, 3], [0.5, 1.4]) == (3, 1.4)


def test_of_equal_accuracies_the_smallest_loss_wins():
    assert search_pair(logits, LABELS, (4, 1), [2, 4], [0.5, 2.0]) == (2, 2.0)


def test_what_was_asked_for_takes_part():
    assert search_pair(logits, LABELS, (4, 3), [1], [1.0]) == (4, 3)
