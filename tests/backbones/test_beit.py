"""ViTs with relative position biases against timm's BEiT and Feature Distillation."""

from __future__ import annotations

from pathlib import Path

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor

from golden import golden_input
from mindtune.backbones import Beit, SharedBiasViT, ViTArchitecture, create_backbone
from mindtune.errors import WeightsError
from mindtune.heads.linear import LinearHead
from mindtune.networks.classifier import Classifier
from mindtune.preprocessing import Preprocessing
from mindtune.weights.load import load_weights
from timm_weights import NAMES, OUTPUTS, assert_close, fill_as_timm

FD = np.load(Path(__file__).parents[1] / "data" / "golden" / "feature_distillation_backbones.npz")
FD_ARCH = ViTArchitecture(8, 32, 2, 4, init_values=0.1)
TESTS = ["fd_vit_test", "fd_vit_test_student"]


@pytest.fixture(autouse=True)
def _operator_by_operator():
    ms.set_context(mode=ms.PYNATIVE_MODE)
    yield
    ms.set_context(mode=ms.GRAPH_MODE)


@pytest.mark.parametrize(
    ("case", "network"), [("beit_32", Beit), ("beit_shared_32", SharedBiasViT)]
)
def test_names_shapes_tokens_and_logits_are_those_of_timm(case, network):
    arch = ViTArchitecture(8, 24, 2, 3, init_values=0.1)
    classifier = Classifier(network(arch, Preprocessing(32)), LinearHead(24, 5, 1))
    fill_as_timm(classifier)
    assert {p.name: list(p.shape) for p in classifier.get_parameters()} == NAMES[case]
    images = golden_input("image", (2, 3, 32, 32))
    assert_close(classifier.backbone(images)[0], OUTPUTS[f"{case}/tokens"])
    assert_close(classifier(images), OUTPUTS[f"{case}/logits"])


def authors_file(folder: Path, case: str, **more: np.ndarray) -> Path:
    prefix = f"{case}/param/"
    weights = {k[len(prefix) :]: FD[k] for k in FD.files if k.startswith(prefix)}
    np.savez(folder / "authors.npz", **weights, **more)
    return folder / "authors.npz"


def test_feature_distillation_student(tmp_path):
    backbone = SharedBiasViT(FD_ARCH, Preprocessing(32))
    index = {"rel_pos_bias.relative_position_index": np.zeros((17, 17), np.int64)}
    report = load_weights(backbone, authors_file(tmp_path, "student_vit", **index))
    assert report.dropped == tuple(index)
    np.testing.assert_array_equal(backbone.rel_pos_bias().asnumpy(), FD["student_vit/rel_bias"])
    assert_close(backbone(Tensor(FD["student_vit/in"]))[0], FD["student_vit/out"], 1e-5)


def test_feature_distillation_fine_tuned(tmp_path):
    network = Classifier(Beit(FD_ARCH, Preprocessing(32)), LinearHead(32, 5, 1))
    load_weights(network, authors_file(tmp_path, "finetune_vit"))
    assert_close(network(Tensor(FD["finetune_vit/in"])), FD["finetune_vit/out"], 1e-5)


def test_student_loads_for_fine_tuning(tmp_path):
    """The shared table goes to every block; the norm of the pooled feature is new."""
    case = "finetune_vit_from_student"
    network = Classifier(Beit(FD_ARCH, Preprocessing(32)), LinearHead(32, 5, 1))
    file = authors_file(tmp_path, "student_vit")
    with pytest.raises(WeightsError, match=r"head\.weight"):
        load_weights(network, file)
    report = load_weights(network, file, new=["head"])
    assert set(report.new) == {"head.weight", "head.bias", "fc_norm.weight", "fc_norm.bias"}
    assert set(report.dropped) == {"norm.weight", "norm.bias"}
    new = {p.name: p for p in network.get_parameters() if p.name in report.new}
    for name, parameter in new.items():
        parameter.set_data(Tensor(FD[f"{case}/param/{name}"]))
    assert_close(network(Tensor(FD[f"{case}/in"])), FD[f"{case}/out"], 1e-5)


def test_larger_images_resize_the_tables(tmp_path):
    network = Beit(FD_ARCH, Preprocessing(64))
    file = authors_file(tmp_path, "finetune_vit")
    report = load_weights(network, file, dropped=["head"])
    table = "attn.relative_position_bias_table"
    assert report.resized == tuple(f"blocks.{i}.{table} 52 -> 228" for i in range(2))
    loaded = network.blocks[1].attn.relative_position_bias_table.asnumpy()
    stored = FD[f"finetune_vit/param/blocks.1.{table}"]
    np.testing.assert_array_equal(loaded[-3:], stored[-3:])
    middle = 225 // 2  # the offset zero is kept by the resampling
    np.testing.assert_allclose(loaded[middle], stored[49 // 2], atol=1e-6)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("fd_vit_base_patch16_224", 85_761_984),
        ("fd_vit_base_patch16_224_student", 85_665_360),
        ("fd_vit_large_patch14_224_student", 302_955_584),
        ("beit_base_patch16_224", 85_761_984),
    ],
)
def test_parameter_counts(name, parameters):
    assert sum(p.size for p in create_backbone(name).get_parameters()) == parameters


@pytest.mark.parametrize("name", TESTS)
def test_further_features(name):
    backbone = create_backbone(name)
    fill_as_timm(backbone)
    images = golden_input("image", (2, 3, 32, 32))
    _, last = backbone.forward_intermediates(images, (0, 1))
    np.testing.assert_array_equal(last.asnumpy(), backbone.forward_tokens(images).asnumpy())
    attention = backbone.forward_attention(images).asnumpy()
    assert attention.shape == (2, 3, 17, 17)
    np.testing.assert_allclose(attention.sum(-1), np.ones((2, 3, 17)), rtol=1e-5)
    with pytest.raises(ValueError, match="beyond the last block"):
        backbone.forward_intermediates(images, (2,))


@pytest.mark.parametrize("name", TESTS)
def test_layer_groups_hold_every_weight_once_in_order(name):
    backbone = create_backbone(name, drop_path=0.2)
    groups = backbone.layer_groups()
    assert list(groups) == ["embed", "blocks.0", "blocks.1", "norm"]
    grouped = [p for group in groups.values() for p in group]
    weights = [p for p in backbone.get_parameters() if not p.name.endswith("rng_step")]
    assert len(grouped) == len({id(p) for p in grouped}) == len(weights)
    assert [p.name for p in groups["norm"]] == [f"{norm_of(name)}.weight", f"{norm_of(name)}.bias"]


def norm_of(name: str) -> str:
    return "norm" if name.endswith("student") else "fc_norm"


def test_start_depends_on_depth():
    student = create_backbone("fd_vit_base_patch16_224_student")
    stds = [block.attn.proj.weight.asnumpy().std() for block in student.blocks]
    expected = 0.02 * 0.5396 / np.sqrt(2 * np.arange(1, 13))  # std of a normal cut at one sigma
    np.testing.assert_allclose(stds, expected, rtol=0.01)
    assert np.abs(student.blocks[0].attn.qkv.weight.asnumpy()).max() <= 0.02
    assert not student.rel_pos_bias.relative_position_bias_table.asnumpy().any()


def test_bias_is_a_quarter_off_in_no_direction():
    """Queries and keys are not swapped: a table that favours the patch on the left shows there."""
    backbone = create_backbone("fd_vit_test_student")
    fill_as_timm(backbone)
    table = np.zeros((52, 3), np.float32)
    left = 3 * 7 + 4  # same row, query one column to the right of its key
    table[left] = 50
    backbone.rel_pos_bias.relative_position_bias_table.set_data(Tensor(table))
    attention = backbone.forward_attention(golden_input("image", (2, 3, 32, 32))).asnumpy()
    assert attention[:, :, 1 + 6, 1 + 5].min() > 0.9
