from __future__ import annotations

import numpy as np
import pytest
from mindspore import Tensor, nn

from mindtune.assemble import build_classifier
from mindtune.config import RunConfig
from mindtune.errors import DivergedError
from mindtune.evaluation.features import PooledFeatures, feature_batches, fill_features
from mindtune.parameters import weights_of


class Twice(nn.Cell):
    def construct(self, x: Tensor) -> Tensor:
        return x * 2.0


def batches(rows: np.ndarray, size: int):
    """Batches filled up with copies of the last row, as ``EvalLoader`` makes them."""
    for start in range(0, len(rows), size):
        places = np.arange(start, start + size)
        labels = np.zeros(size, np.int32)
        yield rows[np.minimum(places, len(rows) - 1)], labels, places < len(rows)


@pytest.mark.parametrize("size", [1, 4, 7, 9])
def test_every_image_once_and_in_order(size):
    rows = np.random.default_rng(0).standard_normal((7, 3)).astype(np.float32)
    values = np.full((7, 3), np.nan, np.float32)
    network = Twice()
    network.set_train(True)
    fill_features(values, feature_batches(network, batches(rows, size)))
    np.testing.assert_array_equal(values, 2 * rows)
    assert network.training


@pytest.mark.parametrize("expected", [6, 8])
def test_another_number_of_images_is_an_error(expected):
    values = np.empty((expected, 3), np.float32)
    with pytest.raises(ValueError, match="7|broadcast"):
        fill_features(values, iter([np.ones((7, 3), np.float32)]))


def test_features_that_are_not_finite_are_an_error():
    rows = np.ones((3, 2), np.float32)
    rows[1, 0] = np.inf
    with pytest.raises(DivergedError, match="NaN or infinite values for 1 of 3 images"):
        list(feature_batches(Twice(), batches(rows, 3)))


@pytest.mark.parametrize(
    ("name", "modes", "head"),
    [
        ("vit_test", ["linear"], "linear"),
        ("vit_test", ["psrp"], "moment"),
        ("vit_test", ["full"], "moment_isqrt"),
    ],
)
def test_pooled_features_are_the_backbone_s_whatever_is_around_it(name, modes, head):
    config = RunConfig()
    config.backbone.name, config.tuning.modes, config.head.name = name, modes, head
    config.head.moment.width, config.head.moment.num_heads = 32, 2
    network = build_classifier(config, 3)
    names = [parameter.name for parameter in weights_of(network)]
    images = np.random.default_rng(0).standard_normal((2, 3, 32, 32)).astype(np.float32)
    batch = (images, np.zeros(2, np.int32), np.ones(2, bool))
    (values,) = feature_batches(PooledFeatures(network.backbone), [batch])
    assert values.shape == (2, network.backbone.num_features)
    pooled = network.backbone(Tensor(images))[1].asnumpy()
    np.testing.assert_allclose(values, pooled, rtol=1e-5, atol=1e-6)
    assert [parameter.name for parameter in weights_of(network)] == names
