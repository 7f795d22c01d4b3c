from __future__ import annotations

import numpy as np
import pytest
from mindspore import Tensor, nn, ops

from mindtune.errors import DataError, DivergedError
from mindtune.evaluation.distillation import evaluate_distances


class Means(nn.Cell):
    """The mean of each image, negative in training mode."""

    def construct(self, images: Tensor) -> Tensor:
        mean = ops.mean(images, (1, 2, 3))
        return -mean if self.training else mean


def batches(values: list[float], valid: list[bool]) -> list[tuple[np.ndarray, ...]]:
    images = np.ones((len(values), 3, 2, 2), np.float32) * np.reshape(values, (-1, 1, 1, 1))
    images = images.astype(np.float32)
    return [(images, np.zeros(len(values), np.int32), np.array(valid))]


def test_mean_is_over_valid_images_of_all_ranks_in_evaluation_mode():
    distances = Means().set_train(True)
    given = [*batches([1, 2], [True, True]), *batches([6, 100], [True, False])]
    found = evaluate_distances(distances, given, lambda sums: sums + np.array([11.0, 1.0]))
    assert found == {"distillation_loss": pytest.approx(20 / 4), "images": 4}
    assert distances.training


def test_broken_weights_and_empty_splits_are_refused():
    with pytest.raises(DivergedError, match="got a NaN or infinite distance"):
        evaluate_distances(Means(), batches([np.nan, 1], [True, True]), lambda sums: sums)
    with pytest.raises(DataError, match="got no images"):
        evaluate_distances(Means(), [], lambda sums: sums)
