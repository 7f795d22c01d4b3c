"""ViTs for several crop sizes and masked patches against SMKD's networks."""

from __future__ import annotations

from pathlib import Path

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn, ops
from scipy.special import erf

from mindtune.backbones import MaskedViT, MultiCropViT, ViTArchitecture
from mindtune.errors import ConfigError
from mindtune.preprocessing import Preprocessing
from timm_weights import assert_close

GOLDEN = np.load(Path(__file__).parents[1] / "data" / "golden" / "smkd_backbones.npz")
ARCH = ViTArchitecture(8, 32, 2, 4)


def network(kind: type[MultiCropViT], case: str, *crop_sizes: int) -> MultiCropViT:
    backbone = kind(ARCH, Preprocessing(32), crop_sizes=crop_sizes)
    for name, parameter in backbone.parameters_and_names():
        parameter.set_data(Tensor(GOLDEN[f"{case}/param/backbone.{name}"]))
    return backbone


class Teacher(nn.Cell):
    """Tokens and attention of any crop, compiled."""

    def __init__(self, backbone: MultiCropViT) -> None:
        super().__init__()
        self.backbone = backbone

    def construct(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return self.backbone.tokens_and_attention(self.backbone.embed(images))


class Student(Teacher):
    """The same of masked crops."""

    def construct(self, images: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        return self.backbone.tokens_and_attention(self.backbone.embed_masked(images, mask))


def global_crops() -> Tensor:
    return Tensor(np.concatenate([GOLDEN["in/global0"], GOLDEN["in/global1"]]))


def test_teacher_sees_all_patches():
    tokens, attention = Teacher(network(MultiCropViT, "teacher"))(global_crops())
    assert_close(tokens, GOLDEN["teacher/tokens"], 1e-5)
    assert_close(attention, GOLDEN["teacher/last_attn"], 1e-5)


def test_student_sees_masked_patches():
    mask = np.concatenate([GOLDEN["in/mask0"], GOLDEN["in/mask1"]]).reshape(12, 16)
    assert 0 < mask.sum() < mask.size
    tokens, attention = Student(network(MaskedViT, "student"))(global_crops(), Tensor(mask))
    assert_close(tokens, GOLDEN["student/tokens"], 1e-5)
    assert_close(attention, GOLDEN["student/last_attn"], 1e-5)


def test_small_crops_through_the_authors_head():
    """Positions of a 2 x 2 grid from those of 4 x 4; the head follows in NumPy."""
    crops = np.concatenate([GOLDEN[f"in/local{i}"] for i in range(3)])
    backbone = network(MaskedViT, "student", 16)
    x = backbone(Tensor(crops))[1].asnumpy().astype(np.float64)
    w = {k.rpartition("head.")[2]: GOLDEN[k] for k in GOLDEN.files if ".head" in k or "/head" in k}
    for layer in (0, 2, 4):
        x = x @ w[f"mlp.{layer}.weight"].T + w[f"mlp.{layer}.bias"]
        x = x if layer == 4 else x * 0.5 * (1 + erf(x / np.sqrt(2)))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    v = w["last_layer.weight_v"]
    x = x @ (w["last_layer.weight_g"] * v / np.linalg.norm(v, axis=1, keepdims=True)).T
    np.testing.assert_allclose(x, GOLDEN["student/local_cls"], atol=2e-5)


@pytest.mark.parametrize("size", [32, 48])
def test_feature_of_the_evaluation(size):
    """Unit class token beside the unit mean of patches weighted by the class token's attention."""
    images = Tensor(GOLDEN[f"eval/in{size}"])
    tokens, attention = (t.asnumpy() for t in Teacher(network(MultiCropViT, "teacher", 48))(images))
    weights = attention.mean(1)[:, 0, 1:]
    weights /= weights.sum(1, keepdims=True)
    parts = tokens[:, 0], np.einsum("bn,bnc->bc", weights, tokens[:, 1:])
    feature = np.concatenate([p / np.linalg.norm(p, axis=1, keepdims=True) for p in parts], 1)
    np.testing.assert_allclose(feature, GOLDEN[f"eval/feat{size}"], atol=1e-5)


def test_gradient_reaches_the_positions_through_a_small_crop():
    ms.set_context(mode=ms.PYNATIVE_MODE)
    backbone = network(MaskedViT, "student", 16)
    crops = Tensor(GOLDEN["in/local0"])
    weights = Tensor(np.random.default_rng(0).standard_normal((6, 5, 32)).astype(np.float32))

    def weighted(images):
        return ops.sum(backbone(images)[0] * weights)

    gradient = ops.grad(weighted, None, backbone.pos_embed)(crops).asnumpy()
    ms.set_context(mode=ms.GRAPH_MODE)
    assert (np.abs(gradient[0]).max(1) > 0).all()


def test_mask_token_is_a_weight_of_the_embedding():
    groups = network(MaskedViT, "student").layer_groups()
    assert any(p.name.endswith("masked_embed") for p in groups["embed"])


def test_sizes_that_were_not_announced_are_refused():
    with pytest.raises(ConfigError, match="crop_sizes: got 20, expected multiples"):
        network(MultiCropViT, "teacher", 20)
    with pytest.raises(ValueError, match="not among crop_sizes"):
        network(MultiCropViT, "teacher", 48)(Tensor(GOLDEN["in/local0"]))
