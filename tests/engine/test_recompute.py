from __future__ import annotations

import numpy as np
import pytest
from mindspore import Tensor

from golden import golden_input
from mindtune.backbones import create_backbone
from mindtune.engine.optim import SGD
from mindtune.engine.recompute import recompute_blocks
from mindtune.engine.step import TrainStep
from mindtune.heads.linear import LINEAR_HEADS
from mindtune.layers.random import seed_random_layers
from mindtune.networks.classifier import Classifier
from mindtune.objectives.supervised import SupervisedObjective
from mindtune.parameters import weights_of
from timm_weights import fill_as_timm


def trained(name: str, recompute: bool) -> list[np.ndarray]:
    backbone = create_backbone(name, drop_path=0.5)
    head = LINEAR_HEADS[backbone.classifier]
    net = Classifier(backbone, head(backbone.num_features, 4, backbone.num_prefix_tokens))
    fill_as_timm(net)
    seed_random_layers(net, 1)
    if recompute:
        recompute_blocks(backbone)
    weights = weights_of(net)
    step = TrainStep(SupervisedObjective(net), weights, SGD(weights, 0.0))
    images, targets = golden_input("image", (4, 3, 32, 32)), Tensor(np.eye(4, dtype=np.float32))
    for number in range(2):
        step(1e-2, number, [(images, targets)])
    return [p.asnumpy() for p in weights]


@pytest.mark.parametrize("name", ["fd_vit_test", "swinv2_test"])
def test_updates_are_the_same_with_and_without(name):
    """Drop path must draw the same numbers when a block is computed again."""
    for kept, again in zip(trained(name, False), trained(name, True)):
        np.testing.assert_allclose(kept, again, rtol=1e-5, atol=1e-6)
