from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mindspore import Tensor

from mindtune.backbones import VisionTransformer, ViTArchitecture, create_backbone
from mindtune.errors import ConfigError
from mindtune.evaluation.few_shot_features import FEW_SHOT_FEATURES
from mindtune.preprocessing import Preprocessing
from mindtune.weights.position import resize_pos_embed

GOLDEN = np.load(Path(__file__).parents[1] / "data" / "golden" / "smkd_backbones.npz")


def teacher(size: int) -> VisionTransformer:
    """The authors' teacher, its positions resized as they do it."""
    backbone = VisionTransformer(ViTArchitecture(8, 32, 2, 4), Preprocessing(size))
    for name, parameter in backbone.parameters_and_names():
        value = GOLDEN[f"teacher/param/backbone.{name}"]
        if name == "pos_embed" and size != 32:
            value = resize_pos_embed(value, 1, None, backbone.grid_size, "scale")
        parameter.set_data(Tensor(value))
    backbone.set_train(False)
    return backbone


@pytest.mark.parametrize("size", [32, 48])
def test_features_of_the_authors(size):
    images, expected = Tensor(GOLDEN[f"eval/in{size}"]), GOLDEN[f"eval/feat{size}"]
    backbone = teacher(size)
    cells = {name: build(backbone) for name, build in FEW_SHOT_FEATURES.items()}
    assert {name: cell.num_features for name, cell in cells.items()} == {
        "cls": 32, "mean": 32, "both": 64, "pixels": 3 * size * size,
    }  # fmt: skip
    found = {name: cell(images).asnumpy() for name, cell in cells.items()}
    pixels = GOLDEN[f"eval/in{size}"].reshape(len(expected), -1)
    pixels /= np.linalg.norm(pixels, axis=1, keepdims=True)
    np.testing.assert_allclose(found["pixels"], pixels, rtol=0, atol=1e-7)
    np.testing.assert_allclose(found["both"], expected, rtol=0, atol=2e-6)
    np.testing.assert_allclose(found["cls"], expected[:, :32], rtol=0, atol=2e-6)
    np.testing.assert_allclose(found["mean"], expected[:, 32:], rtol=0, atol=2e-6)


def test_a_network_without_class_token_has_its_pooled_feature_only():
    backbone = create_backbone("swin_test")
    images = Tensor(np.random.default_rng(0).random((2, 3, 32, 32), np.float32))
    found = FEW_SHOT_FEATURES["cls"](backbone)(images).asnumpy()
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, rtol=1e-6)
    with pytest.raises(ConfigError, match=r"expected a ViT; use --few_shot\.features cls"):
        FEW_SHOT_FEATURES["both"](backbone)


@pytest.mark.parametrize(
    "name", ["vit_test", "fd_vit_test", "fd_vit_test_student", "vit_clip_test"]
)
def test_tokens_and_attention_are_those_of_the_two_methods(name):
    backbone = create_backbone(name)
    size = backbone.preprocessing.input_size
    images = Tensor(np.random.default_rng(0).random((2, 3, size, size), np.float32))
    tokens, attention = backbone.forward_tokens_and_attention(images)
    for found, expected in (
        (tokens, backbone.forward_tokens(images)),
        (attention, backbone.forward_attention(images)),
    ):
        np.testing.assert_allclose(found.asnumpy(), expected.asnumpy(), rtol=0, atol=1e-6)
