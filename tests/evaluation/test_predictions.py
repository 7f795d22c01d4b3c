"""What a classifier said of every image, put together from ranks."""

from __future__ import annotations

import numpy as np
import pytest

from mindtune.evaluation.predictions import PredictionRecorder, Predictions

LOGITS = np.log(
    np.array(
        [[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.4, 0.4, 0.2], [0.05, 0.05, 0.9], [0.3, 0.1, 0.6]]
    )
).astype(np.float32)
LABELS = np.array([0, 0, 1, 2, 1], np.int32)


def recorded(rank: int, ranks: int, gather=None) -> Predictions:
    recorder = PredictionRecorder()
    logits, labels = LOGITS[rank::ranks], LABELS[rank::ranks]
    for first in range(0, len(labels), 2):
        recorder.add(logits[first : first + 2], labels[first : first + 2])
    return recorder.gathered(gather or (lambda own: [own]))


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_answers_stand_in_the_order_of_the_images(ranks):
    shares = []
    for rank in range(ranks):
        recorded(rank, ranks, lambda own: [shares.append(own) or own])
    found = recorded(0, ranks, lambda own: shares)
    np.testing.assert_array_equal(found.labels, LABELS)
    np.testing.assert_array_equal(found.predicted, [0, 1, 0, 2, 2])
    np.testing.assert_allclose(found.confidences, [0.7, 0.8, 0.4, 0.9, 0.6], rtol=1e-6)
    np.testing.assert_allclose(found.label_confidences, [0.7, 0.1, 0.4, 0.9, 0.1], rtol=1e-6)


def test_the_surest_errors_come_first():
    found = recorded(0, 1)
    assert found.most_confident_errors(9).tolist() == [1, 4, 2]
    assert found.most_confident_errors(1).tolist() == [1]
