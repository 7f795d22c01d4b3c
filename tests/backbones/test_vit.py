from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from mindspore import Tensor, nn

from golden import assert_golden, fill, golden_input
from mindtune.backbones import backbone_entry, create_backbone, list_backbones
from mindtune.errors import ConfigError
from mindtune.heads.linear import LinearHead
from mindtune.heads.moment import MomentHead
from mindtune.networks.classifier import Classifier
from mindtune.preprocessing import IMAGENET_MEAN
from mindtune.tuning.psrp import add_psrp
from timm_weights import NAMES, OUTPUTS, assert_close, fill_as_timm

KEYS = Path(__file__).parents[1] / "data" / "golden" / "keys_vit_base_patch16_224_in21k.json"


def moment_classifier(name: str, psrp: bool, num_classes: int) -> Classifier:
    backbone = create_backbone(name)
    if psrp:
        add_psrp(backbone, init="authors")
    return Classifier(backbone, MomentHead(backbone.num_features, num_classes))


@pytest.mark.parametrize("psrp", [False, True], ids=["MP", "MP+"])
@pytest.mark.parametrize("size", ["tiny", "base"])
def test_logits_equal_the_golden_values(size, psrp):
    network = moment_classifier(f"vit_{size}_patch16_224", psrp, 10)
    fill(network.backbone)
    fill(network.head, "head.")
    network.set_train(False)
    mode = "psrp" if psrp else "linear_probe"
    logits = network(golden_input("image", (2, 3, 224, 224)))
    assert_golden(logits, f"vit_{size}_patch16_224_in21k {mode}+mp K=10")


def test_names_and_shapes_are_those_of_the_authors_checkpoint():
    network = moment_classifier("vit_base_patch16_224", True, 1000)
    expected = {name: tuple(shape) for name, shape in json.loads(KEYS.read_text()).items()}
    assert {p.name: tuple(p.shape) for p in network.get_parameters()} == expected


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("vit_tiny_patch16_224", 5_524_416),
        ("vit_small_patch16_224", 21_665_664),
        ("vit_base_patch16_224", 85_798_656),
        ("vit_base_patch32_224", 87_455_232),
        ("vit_base_patch14_dinov2", 86_579_712),
    ],
)
def test_parameter_counts(name, parameters):
    assert sum(p.size for p in create_backbone(name).get_parameters()) == parameters


def test_all_sizes_and_patches_are_registered():
    expected = {
        f"vit_{size}_patch{patch}_224"
        for size in ("tiny", "small", "base", "large", "huge")
        for patch in (8, 14, 16, 32)
    }
    assert expected <= set(list_backbones())
    assert list_backbones("vit_large_patch1?_224") == [
        "vit_large_patch14_224",
        "vit_large_patch16_224",
    ]


def test_self_supervised_variants_are_registered_with_imagenet_statistics():
    names = [f"vit_{s}_patch{p}_224_dino" for s in ("base", "small") for p in (16, 8)]
    assert list_backbones("vit_*_dino") == names
    for name in (*names, *list_backbones("vit_*_dinov2")):
        assert backbone_entry(name).pretrained.preprocessing.mean == IMAGENET_MEAN


def test_layer_scale_equals_timm():
    network = Classifier(create_backbone("vit_layer_scale_test"), LinearHead(24, 5, 1))
    fill_as_timm(network)
    case = "vit_layer_scale_32"
    assert {p.name: list(p.shape) for p in network.get_parameters()} == NAMES[case]
    images = golden_input("image", (2, 3, 32, 32))
    assert_close(network.backbone(images)[0], OUTPUTS[f"{case}/tokens"])
    assert_close(network(images), OUTPUTS[f"{case}/logits"])


def test_image_size_may_be_any_multiple_of_the_patch():
    backbone = create_backbone("vit_test", image_size=48)
    assert backbone.pos_embed.shape == (1, 37, 24)
    tokens, pooled = backbone(Tensor(np.zeros((2, 3, 48, 48), np.float32)))
    assert tokens.shape == (2, 37, 24)
    assert pooled.shape == (2, 24)


def test_unknown_names_and_sizes_are_refused():
    with pytest.raises(ConfigError, match="did you mean 'vit_base_patch16_224'"):
        create_backbone("vit_base_patch16")
    with pytest.raises(ConfigError, match="backbone.image_size: got 30, expected a multiple"):
        create_backbone("vit_test", image_size=30)
    with pytest.raises(ConfigError, match="backbone.drop_path: got 1"):
        create_backbone("vit_test", drop_path=1.0)


def test_features_come_after_the_final_norm_and_intermediates_before():
    backbone = create_backbone("vit_test")
    fill(backbone)
    images = golden_input("image", (2, 3, 32, 32))
    tokens, pooled = backbone(images)
    first, last = backbone.forward_intermediates(images, (0, 1))
    np.testing.assert_array_equal(pooled.asnumpy(), tokens.asnumpy()[:, 0])
    np.testing.assert_array_equal(last.asnumpy(), backbone.forward_tokens(images).asnumpy())
    np.testing.assert_allclose(backbone.norm(last).asnumpy(), tokens.asnumpy(), atol=1e-6)
    assert not np.array_equal(first.asnumpy(), last.asnumpy())
    with pytest.raises(ValueError, match="beyond the last block"):
        backbone.forward_intermediates(images, (2,))


class Inside(nn.Cell):
    """Calls the backbone's further methods from a compiled graph, as an objective does."""

    def __init__(self, backbone: nn.Cell) -> None:
        super().__init__()
        self.backbone = backbone

    def construct(self, images: Tensor) -> tuple[Tensor, ...]:
        taken = self.backbone.forward_intermediates(images, (0, 1))
        return (*taken, self.backbone.forward_attention(images))


def test_further_features_compile():
    backbone = create_backbone("vit_test")
    fill(backbone)
    images = golden_input("image", (2, 3, 32, 32))
    found = Inside(backbone)(images)
    expected = (*backbone.forward_intermediates(images, (0, 1)), backbone.forward_attention(images))
    for one, other in zip(found, expected):
        np.testing.assert_allclose(one.asnumpy(), other.asnumpy(), rtol=1e-5, atol=1e-6)


def test_attention_of_the_last_block_is_a_distribution():
    backbone = create_backbone("vit_test")
    fill(backbone)
    attention = backbone.forward_attention(golden_input("image", (2, 3, 32, 32))).asnumpy()
    assert attention.shape == (2, 3, 17, 17)
    np.testing.assert_allclose(attention.sum(-1), np.ones((2, 3, 17)), rtol=1e-6)


def test_layer_groups_hold_every_weight_once_in_order():
    backbone = create_backbone("vit_test", drop_path=0.2)
    groups = backbone.layer_groups()
    assert list(groups) == ["embed", "blocks.0", "blocks.1", "norm"]
    grouped = [p for group in groups.values() for p in group]
    weights = [p for p in backbone.get_parameters() if not p.name.endswith("rng_step")]
    assert len(grouped) == len({id(p) for p in grouped}) == len(weights)
    assert not any(p.name.endswith("rng_step") for p in grouped)


def test_drop_path_acts_in_training_only():
    backbone = create_backbone("vit_test", drop_path=0.9)
    fill(backbone)
    plain = create_backbone("vit_test")
    fill(plain)
    images = golden_input("image", (8, 3, 32, 32))
    expected = plain(images)[0].asnumpy()
    backbone.set_train(False)
    np.testing.assert_array_equal(backbone(images)[0].asnumpy(), expected)
    backbone.set_train(True)
    assert not np.allclose(backbone(images)[0].asnumpy(), expected)
