"""First weights of a CLIP: as large as OpenAI's code draws them, so that features differ."""

from __future__ import annotations

import numpy as np
import pytest
from mindspore import Tensor

from mindtune.backbones import create_clip
from mindtune.backbones.clip_start import start_clip
from mindtune.parameters import named_weights

VIT = {  # width 64, one text block, two image blocks, patches of 3 x 8 x 8
    "text_projection": 64**-0.5,
    "transformer.resblocks.0.attn.in_proj_weight": 64**-0.5,
    "transformer.resblocks.0.attn.out_proj.weight": (2 * 64) ** -0.5,
    "transformer.resblocks.0.mlp.c_fc.weight": (2 * 64) ** -0.5,
    "visual.transformer.resblocks.1.mlp.c_proj.weight": (4 * 64) ** -0.5,
    "visual.positional_embedding": 64**-0.5,
    "visual.conv1.weight": 192**-0.5,
    "visual.proj": 64**-0.5,
    "token_embedding.weight": 0.02,
}
RESNET = {"visual.attnpool.q_proj.weight": 256**-0.5, "text_projection": 64**-0.5}


@pytest.mark.parametrize(("name", "deviations"), [("vit", VIT), ("resnet", RESNET)])
def test_deviations(name, deviations):
    network = create_clip(f"{name}_clip_test")
    start_clip(network)
    weights = named_weights(network)
    for key, deviation in deviations.items():
        assert np.std(weights[key].asnumpy()) == pytest.approx(deviation, rel=0.15), key


def spreads(found: tuple[Tensor, Tensor]) -> np.ndarray:
    """One less the mean cosine of different rows, of images and of texts."""
    spread = []
    for features in found:
        rows = features.asnumpy()
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        spread.append(1 - np.mean((rows @ rows.T)[~np.eye(6, dtype=bool)]))
    return np.array(spread)


def test_images_and_texts_have_different_features():
    network = create_clip("vit_clip_test")
    rng = np.random.default_rng(0)
    images = rng.standard_normal((6, 3, 32, 32)).astype(np.float32)
    ids = rng.integers(1, 78, (6, 8)).astype(np.int32)
    ids[:, 0], ids[:, -1] = 78, 79
    before = spreads(network(Tensor(images), Tensor(ids)))
    start_clip(network)
    after = spreads(network(Tensor(images), Tensor(ids)))
    assert (after > 10 * before).all()
    assert after.min() > 0.005
