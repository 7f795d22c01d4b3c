"""Swin and Swin V2 against timm, the Moment Probing authors and Feature Distillation."""

from __future__ import annotations

import json
import re
from pathlib import Path

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn

from golden import assert_golden, golden_input, golden_weight
from mindtune.backbones import (
    SwinArchitecture,
    SwinTransformer,
    SwinTransformerV2,
    create_backbone,
    list_backbones,
)
from mindtune.errors import ConfigError
from mindtune.heads.linear import ClassifierHead
from mindtune.heads.moment import MomentHead
from mindtune.networks.classifier import Classifier, UnnormedClassifier
from mindtune.preprocessing import Preprocessing
from mindtune.tuning.psrp import add_psrp
from mindtune.weights.load import load_weights
from timm_weights import NAMES, OUTPUTS, assert_close, fill_as_timm

DATA = Path(__file__).parents[1] / "data"
FD = np.load(DATA / "golden" / "feature_distillation_backbones.npz")
KEYS = DATA / "golden" / "keys_swin_base_patch4_window7_224_in22k.json"
NETWORKS = {"swin": SwinTransformer, "swinv2": SwinTransformerV2}
CASES = [case for case in NAMES if case.startswith("swin")]


@pytest.fixture(autouse=True)
def _operator_by_operator():
    """Compiling a graph for every network would take most of the time."""
    ms.set_context(mode=ms.PYNATIVE_MODE)
    yield
    ms.set_context(mode=ms.GRAPH_MODE)


def small(case: str) -> Classifier:
    """The network of a timm case such as ``swinv2_40_window4``, with its weights."""
    kind, size, window = re.fullmatch(r"(\w+)_(\d+)_window(\d)", case).groups()
    arch = SwinArchitecture(int(window), 16, (2, 2), (2, 4))
    backbone = NETWORKS[kind](arch, Preprocessing(int(size)))
    network = Classifier(backbone, ClassifierHead(32, 5, 0))
    fill_as_timm(network)
    return network


@pytest.mark.parametrize("case", CASES)
def test_names_shapes_tokens_and_logits_are_those_of_timm(case):
    network = small(case)
    assert {p.name: list(p.shape) for p in network.get_parameters()} == NAMES[case]
    size = network.backbone.preprocessing.input_size
    images = golden_input("image", (2, 3, size, size))
    assert_close(network.backbone(images)[0], OUTPUTS[f"{case}/tokens"])
    assert_close(network(images), OUTPUTS[f"{case}/logits"])


@pytest.mark.parametrize(
    ("mode", "psrp"), [("linear_probe", False), ("psrp", True)], ids=["MP", "MP+"]
)
def test_logits_of_swin_b_equal_the_golden_values(mode, psrp):
    """The authors' form: unnormed tokens, the first patch dropped, their old names."""
    backbone = create_backbone("swin_base_patch4_window7_224")
    if psrp:
        add_psrp(backbone, init="authors")
    network = UnnormedClassifier(backbone, MomentHead(1024, 10)).set_train(False)
    for parameter in network.get_parameters():
        name = authors_name(parameter.name)
        parameter.set_data(Tensor(golden_weight(name, parameter.shape)))
    logits = network(golden_input("image", (2, 3, 224, 224)))
    assert_golden(logits, f"swin_base_patch4_window7_224_in22k {mode}+mp K=10")


def authors_name(name: str) -> str:
    """In timm 0.6, which the authors use, merging ends a stage instead of starting one."""
    return re.sub(
        r"^layers\.(\d)\.downsample", lambda m: f"layers.{int(m[1]) - 1}.downsample", name
    )


def test_names_and_shapes_are_those_of_the_authors_checkpoint():
    backbone = create_backbone("swin_base_patch4_window7_224")
    add_psrp(backbone)
    network = UnnormedClassifier(backbone, MomentHead(1024, 1000))
    found = {authors_name(p.name): list(p.shape) for p in network.get_parameters()}
    expected = json.loads(KEYS.read_text())
    derived = ("relative_position_index", "attn_mask")
    assert found == {k: v for k, v in expected.items() if not k.endswith(derived)}
    assert sum(p.size for p in network.get_parameters()) == 91_754_978  # the authors' MP+


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("swin_tiny_patch4_window7_224", 27_519_354),
        ("swin_base_patch4_window7_224", 86_743_224),
        ("swin_base_patch4_window14_224", 86_917_944),
        ("swinv2_base_patch4_window14_224", 86_893_816),
    ],
)
def test_parameter_counts(name, parameters):
    """By timm, by the Feature Distillation authors' teacher and student."""
    assert sum(p.size for p in create_backbone(name).get_parameters()) == parameters


def test_all_sizes_and_windows_are_registered():
    for window in (7, 14):
        expected = [f"swin_{size}_patch4_window{window}_224" for size in ("base", "large", "small")]
        expected.append(f"swin_tiny_patch4_window{window}_224")
        assert list_backbones(f"swin_*_window{window}_224") == expected


@pytest.mark.parametrize("case", ["teacher_swin_v1", "student_swin_v2", "finetune_swin_v2"])
def test_feature_distillation_networks(case, tmp_path):
    """Files under the authors' names give the authors' outputs."""
    arch = SwinArchitecture(8, 16, (2, 2), (2, 4))
    kind = SwinTransformer if case.endswith("v1") else SwinTransformerV2
    network: nn.Cell = kind(arch, Preprocessing(64))
    if case.startswith("finetune"):
        network = Classifier(network, ClassifierHead(32, 5, 0))
    prefix = f"{case}/param/"
    weights = {k[len(prefix) :]: FD[k] for k in FD.files if k.startswith(prefix)}
    np.savez(tmp_path / "authors.npz", **weights)
    load_weights(network, tmp_path / "authors.npz")
    found = network(Tensor(FD[f"{case}/in"]))
    assert_close(found if case.startswith("finetune") else found[0], FD[f"{case}/out"], 1e-5)


@pytest.mark.parametrize("file", ["swin_timm1.safetensors", "swin_original_keys.pth"])
def test_files_of_new_timm_and_of_the_original_names(file):
    folder = DATA / "weights" / "h_hier"
    arch = SwinArchitecture(4, 16, (2, 2), (2, 4))
    network = Classifier(SwinTransformer(arch, Preprocessing(64)), ClassifierHead(32, 6, 0))
    report = load_weights(network, folder / file)
    assert not report.new
    derived = {name.rpartition(".")[2] for name in report.dropped}
    original = file.startswith("swin_original")
    assert derived == ({"relative_position_index", "attn_mask"} if original else set())
    expected = np.load(folder / "swin_expected.npz")
    images = Tensor(expected["image"])
    tokens, pooled = network.backbone(images)
    assert_close(tokens, expected["feature_map_nhwc"].reshape(2, 64, 32))
    assert_close(pooled, expected["pooled"])
    assert_close(network(images), expected["logits"])


def test_a_larger_window_takes_the_resized_tables():
    """Only the stage whose map is larger than the old window has a larger one now."""
    arch = SwinArchitecture(8, 16, (2, 2), (2, 4))
    network = Classifier(SwinTransformer(arch, Preprocessing(64)), ClassifierHead(32, 6, 0))
    report = load_weights(network, DATA / "weights" / "h_hier" / "swin_timm1.safetensors")
    table = "attn.relative_position_bias_table"
    expected = [f"layers.{s}.blocks.{b}.{table} 49 -> 225" for s in range(2) for b in range(2)]
    assert sorted(report.resized) == expected


def test_index_and_mask_are_no_parameters():
    names = {p.name.rpartition(".")[2] for p in create_backbone("swin_test").get_parameters()}
    assert names == {"weight", "bias", "relative_position_bias_table"}


@pytest.mark.parametrize("name", ["swin_test", "swinv2_test"])
def test_image_size_may_be_any_multiple_of_the_patch(name):
    backbone = create_backbone(name, image_size=44)
    tokens, pooled = backbone(Tensor(np.ones((2, 3, 44, 44), np.float32)))
    assert tokens.shape == (2, 36, 32)
    assert pooled.shape == (2, 32)
    with pytest.raises(ConfigError, match="backbone.image_size: got 30, expected a multiple"):
        create_backbone(name, image_size=30)


@pytest.mark.parametrize("name", ["swin_test", "swinv2_test"])
def test_features_come_after_the_final_norm_and_intermediates_before(name):
    backbone = create_backbone(name)
    fill_as_timm(backbone)
    images = golden_input("image", (2, 3, 32, 32))
    tokens, pooled = backbone(images)
    np.testing.assert_allclose(pooled.asnumpy(), tokens.asnumpy().mean(1), atol=1e-5)
    first, last = backbone.forward_intermediates(images, (0, 1))
    assert first.shape == (2, 64, 16)
    np.testing.assert_array_equal(last.asnumpy(), backbone.forward_tokens(images).asnumpy())
    np.testing.assert_allclose(backbone.norm(last).asnumpy(), tokens.asnumpy(), atol=1e-5)
    with pytest.raises(ValueError, match="beyond the last block or stage"):
        backbone.forward_intermediates(images, (2,))


@pytest.mark.parametrize("name", ["swin_test", "swinv2_test"])
def test_layer_groups_hold_every_weight_once_in_order(name):
    backbone = create_backbone(name, drop_path=0.2)
    groups = backbone.layer_groups()
    assert list(groups) == ["embed", "blocks.0", "blocks.1", "blocks.2", "blocks.3", "norm"]
    grouped = [p for group in groups.values() for p in group]
    weights = [p for p in backbone.get_parameters() if not p.name.endswith("rng_step")]
    assert len(grouped) == len({id(p) for p in grouped}) == len(weights)
    merging = backbone.layers[1].downsample.reduction.weight
    assert any(p is merging for p in groups["blocks.1"])


@pytest.mark.parametrize("name", ["swin_test", "swinv2_test"])
def test_drop_path_acts_in_training_only(name):
    backbone = create_backbone(name, drop_path=0.9)
    fill_as_timm(backbone)
    images = golden_input("image", (8, 3, 32, 32))
    backbone.set_train(False)
    plain = create_backbone(name)
    fill_as_timm(plain)
    expected = plain(images)[0].asnumpy()
    np.testing.assert_array_equal(backbone(images)[0].asnumpy(), expected)
    backbone.set_train(True)
    assert not np.allclose(backbone(images)[0].asnumpy(), expected)


class Inside(nn.Cell):
    """Calls the backbone's methods from a compiled graph, as an objective does."""

    def __init__(self, backbone: nn.Cell) -> None:
        super().__init__()
        self.backbone = backbone

    def construct(self, images: Tensor) -> tuple[Tensor, ...]:
        return (*self.backbone.forward_intermediates(images, (0, 1)), *self.backbone(images))


@pytest.mark.parametrize("case", ["swin_40_window4", "swinv2_40_window4"])
def test_compiled_equals_operator_by_operator(case):
    inside = Inside(small(case).backbone)
    images = golden_input("image", (2, 3, 40, 40))
    expected = inside(images)
    ms.set_context(mode=ms.GRAPH_MODE)
    for one, other in zip(inside(images), expected):
        np.testing.assert_allclose(one.asnumpy(), other.asnumpy(), rtol=1e-4, atol=1e-4)
