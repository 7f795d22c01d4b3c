from __future__ import annotations

import numpy as np
from mindspore import Tensor, ops

from mindtune.backbones import create_backbone
from mindtune.evaluation.features import PooledFeatures
from mindtune.heads.logit_fusion import LogitFusion
from mindtune.networks.fused_classifier import FrozenTowers, FusedClassifier
from mindtune.parameters import weights_of
from mindtune.preprocessing import CLIP_MEAN, CLIP_STD, IMAGENET_MEAN, IMAGENET_STD, Preprocessing

PIXELS = np.random.default_rng(1).random((3, 3, 32, 32), np.float32)
AS_CLIP = Preprocessing(32, CLIP_MEAN, CLIP_STD)


def normalised(mean, std) -> Tensor:
    columns = [np.array(values, np.float32).reshape(1, 3, 1, 1) for values in (mean, std)]
    return Tensor((PIXELS - columns[0]) / columns[1])


def towers() -> FrozenTowers:
    cells = [PooledFeatures(create_backbone("resnet_test", 32)) for _ in range(2)]
    return FrozenTowers(cells, [AS_CLIP, Preprocessing(32, IMAGENET_MEAN, IMAGENET_STD)])


def test_every_network_sees_its_own_normalisation():
    both = towers()
    first, second = both(normalised(CLIP_MEAN, CLIP_STD))
    for number, found, own in (
        (0, first, normalised(CLIP_MEAN, CLIP_STD)),
        (1, second, normalised(IMAGENET_MEAN, IMAGENET_STD)),
    ):
        wanted = both.networks[number](own).asnumpy()
        np.testing.assert_allclose(found.asnumpy(), wanted, rtol=1e-4, atol=1e-5)


def test_networks_stay_frozen_in_evaluation_mode():
    both = towers()
    images = normalised(CLIP_MEAN, CLIP_STD)
    before = both(images)[1].asnumpy()
    FusedClassifier(both, fusion(), AS_CLIP).set_train(True)
    assert not any(cell.training for _, cell in both.cells_and_names())
    np.testing.assert_array_equal(both(images)[1].asnumpy(), before)  # batch norms keep still
    assert not any(p.requires_grad for p in weights_of(both))
    names = [p.name for p in weights_of(both)]
    assert len(set(names)) == len(names)


def fusion() -> LogitFusion:
    texts = np.eye(96, 3, dtype=np.float32)
    return LogitFusion(texts, [96], 0.5, "kurtosis", 0.4)


def test_gradient_reaches_the_adapter_alone():
    network = FusedClassifier(towers(), fusion(), AS_CLIP)
    trained = [p for p in weights_of(network) if p.requires_grad]
    assert [p.shape for p in trained] == [(3, 96)]
    images = normalised(CLIP_MEAN, CLIP_STD)

    def loss(given: Tensor) -> Tensor:
        return ops.sum(network(given) ** 2)

    to_images, (to_adapter,) = ops.grad(loss, 0, trained)(images)
    assert not np.any(to_images.asnumpy())
    assert np.any(to_adapter.asnumpy())
