"""The last, smaller batch of a split takes the graph of the others: a network is compiled once."""

from __future__ import annotations

import numpy as np
import pytest
from mindspore import Tensor, nn, ops

from mindtune.data.loader import EvalLoader
from mindtune.data.source import ImageArrays
from mindtune.data.transforms import EvalTransform
from mindtune.evaluation.classification import evaluate_classification
from mindtune.evaluation.distillation import evaluate_distances
from mindtune.evaluation.features import feature_batches
from mindtune.preprocessing import Preprocessing

SIZE = Preprocessing(8, crop_pct=1.0)
IMAGES, BATCH = 7, 3  # two whole batches, and one of a single image


class ChannelMeans(nn.Cell):
    """Three features of an image, or three logits."""

    def construct(self, images: Tensor) -> Tensor:
        return ops.mean(images, (2, 3))


class Means(nn.Cell):
    """One number an image."""

    def construct(self, images: Tensor) -> Tensor:
        return ops.mean(images, (1, 2, 3))


def loader(rank: int = 0, ranks: int = 1) -> EvalLoader:
    pixels = np.random.default_rng(0).integers(0, 256, (IMAGES, 8, 8, 3), dtype=np.uint8)
    labels = np.arange(IMAGES, dtype=np.int32) % 3
    source = ImageArrays(pixels, labels, ("a", "b", "c"), "test")
    return EvalLoader(source, EvalTransform(SIZE), SIZE, BATCH, 1, rank, ranks)


def classify(network: nn.Cell, batches: EvalLoader) -> int:
    return evaluate_classification(network, batches, 3).images


def extract(network: nn.Cell, batches: EvalLoader) -> int:
    return sum(map(len, feature_batches(network, batches)))


def compare(network: nn.Cell, batches: EvalLoader) -> int:
    return evaluate_distances(network, batches, lambda sums: sums)["images"]


@pytest.mark.parametrize(
    ("kind", "judge"), [(ChannelMeans, classify), (ChannelMeans, extract), (Means, compare)]
)
@pytest.mark.parametrize(("rank", "ranks", "own"), [(0, 1, 7), (0, 2, 4), (1, 2, 3)])
def test_a_network_is_compiled_once(kind, judge, rank, ranks, own):
    network = kind()
    network.set_train(True)
    for _ in range(2):  # as after every epoch of a run
        assert judge(network, loader(rank, ranks)) == own
        network.set_train(True)
    assert len(network.compile_cache) == 1


def test_the_count_of_graphs_would_tell():
    network = ChannelMeans()
    network.set_train(False)
    for images in (1, 2, 2):
        network(Tensor(np.zeros((images, 3, 8, 8), np.float32)))
    assert len(network.compile_cache) == 2
