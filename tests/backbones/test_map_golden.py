"""ConvNeXt and AS-MLP with the moment head: the authors' logits (tests/data/golden)."""

from __future__ import annotations

import json
from pathlib import Path

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, ops

from golden import assert_golden, fill, golden_input, golden_weight
from mindtune.backbones import create_backbone
from mindtune.heads.moment import MomentHead
from mindtune.layers.norm import LayerNorm
from mindtune.networks.classifier import Classifier
from mindtune.tuning.apply import apply_tunings, train_norm
from mindtune.tuning.psrp import add_psrp
from mindtune.weights.convnet_names import MOMENT_PROBING_MAPS
from mindtune.weights.names import to_timm
from mindtune.weights.written_names import from_timm

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
AUTHORS_NAMES = (  # of the same parameter; written out by hand, not by the tables under test
    ("stem.0", "stem.proj"),
    ("stem.1", "stem.norm"),
    ("downsample.0", "downsample.norm"),
    ("downsample.1", "downsample.proj"),
    ("head.norm", "head.cls_head.norm"),
    ("head.classifier1", "head.cls_head.fc"),
)


@pytest.fixture(autouse=True)
def _operator_by_operator():
    """Compiling networks of real size would take most of the time."""
    ms.set_context(mode=ms.PYNATIVE_MODE)
    yield
    ms.set_context(mode=ms.GRAPH_MODE)


def authors_name(name: str) -> str:
    for ours, theirs in AUTHORS_NAMES:
        name = name.replace(ours, theirs)
    return name


class SampleLayerNorm(LayerNorm):
    """LayerNorm by the sample variance: what timm 0.6 does before downsampling."""

    def construct(self, x: Tensor) -> Tensor:
        centred = x - ops.mean(x, -1, True)
        var = ops.sum(centred * centred, -1, True) / (x.shape[-1] - 1)
        return centred * ops.rsqrt(var + 1e-6) * self.weight + self.bias


def probed(name: str, psrp: bool, num_classes: int) -> Classifier:
    backbone = create_backbone(name)
    if psrp:
        add_psrp(backbone, init="authors")
    head = MomentHead(
        backbone.num_features, num_classes, split="strided", first_token="keep", init="uniform"
    )
    return Classifier(backbone, head)


def with_norms_of_timm_0_6(network: Classifier) -> None:
    for stage in network.backbone.stages[1:]:
        norm = SampleLayerNorm(stage.downsample[0].weight.shape[0], 1e-6)
        norm.weight, norm.bias = stage.downsample[0].weight, stage.downsample[0].bias
        stage.downsample[0] = norm


@pytest.mark.parametrize(
    ("name", "psrp", "case"),
    [
        ("convnext_tiny", False, "convnext_tiny linear_probe+mp K=10"),
        ("convnext_tiny", True, "convnext_tiny psrp+mp K=10"),
        ("convnext_base", True, "convnext_base_in22k psrp+mp K=10"),
        ("as_mlp_base", True, "as_base_patch4_window7_224 psrp+mp K=10"),
    ],
)
def test_logits_equal_the_golden_values(name, psrp, case):
    network = probed(name, psrp, 10)
    fill(network.backbone, authors_name=authors_name)
    fill(network.head, "head.", authors_name)
    if name.startswith("convnext"):
        with_norms_of_timm_0_6(network)
    network.set_train(False)
    assert_golden(network(golden_input("image", (2, 3, 224, 224))), case)


@pytest.mark.parametrize("norm", [False, True], ids=["AS-MLP's form", "ConvNeXt's form"])
def test_head_on_maps_gives_the_golden_logits(norm):
    head = MomentHead(1024, 10, split="strided", first_token="keep")
    fill(head, authors_name=lambda name: authors_name(f"head.{name}")[len("head.") :])
    fmap = golden_input("fmap", (2, 1024, 7, 7))
    tokens = ops.transpose(fmap.reshape(2, 1024, 49), (0, 2, 1))
    pooled = ops.mean(tokens, 1)
    if norm:
        layer = LayerNorm(1024, 1e-6)
        layer.weight.set_data(Tensor(golden_weight("cls_head.norm.weight", (1024,))))
        layer.bias.set_data(Tensor(golden_weight("cls_head.norm.bias", (1024,))))
        pooled = layer(pooled)
    form = "CNN" if norm else "MLP"
    assert_golden(head(tokens, pooled), f"Moment_Probing_{form}(in_dim=1024,K=10)")


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("convnext_base", "keys_convnext_base_in22k.json"),
        ("as_mlp_base", "keys_as_base_patch4_window7_224.json"),
    ],
)
def test_the_authors_checkpoints_have_our_names_and_shapes(name, keys):
    shapes = json.loads((GOLDEN / keys).read_text())
    tensors = {key: np.empty(shape, np.float16) for key, shape in shapes.items()}
    renamed = to_timm(tensors)
    assert renamed.unused == ()
    network = probed(name, True, 1000)
    expected = {p.name: tuple(p.shape) for p in network.get_parameters()}
    assert {key: array.shape for key, array in renamed.tensors.items()} == expected
    assert {authors_name(key) for key in expected} == set(shapes)
    if name.startswith("convnext"):  # the table has no entries for what is equal
        moved = {key: value for key, value in renamed.tensors.items() if authors_name(key) != key}
        moved["head.proj.weight"] = renamed.tensors["head.proj.weight"]
        back = from_timm(moved, MOMENT_PROBING_MAPS).tensors
        assert {key: array.shape for key, array in back.items()} == {
            key: tuple(shapes[key]) for key in back
        }
        assert len(back) == len(moved)


@pytest.mark.parametrize(
    ("name", "psrp", "mp", "total"),
    [
        ("convnext_base", 866_304, 4_436_266, 92_866_986),
        ("as_mlp_base", 577_536, 4_434_218, 91_739_562),
    ],
)
def test_counts_are_those_of_the_authors_networks(name, psrp, mp, total):
    network = probed(name, False, 1000)
    norms = [train_norm] if name.startswith("convnext") else []  # theirs trains in ConvNeXt only
    apply_tunings(network.backbone, norms)
    assert sum(p.size for p in network.trainable_params()) == mp
    added = apply_tunings(network.backbone, [*norms, add_psrp])
    assert sum(p.size for p in added if "psrp" in p.name) == psrp
    assert sum(p.size for p in network.trainable_params()) == mp + psrp
    assert sum(p.size for p in network.get_parameters()) == total


def test_new_weights_start_as_the_authors_code_starts_them():
    network = probed("convnext_test", True, 10)
    bounds = {
        network.head.proj.weight: 24**-0.5,
        network.head.proj.bias: 24**-0.5,
        network.backbone.blocks[0].psrp.down.weight: 8**-0.5,
        network.backbone.blocks[4].psrp.up_bias.weight: 0.25,
    }
    for parameter, bound in bounds.items():
        largest = np.abs(parameter.asnumpy()).max()
        assert 0.8 * bound < largest <= bound, parameter.name
    pointwise = probed("as_mlp_test", True, 10).backbone.blocks[1].psrp
    assert pointwise.up_weight.weight.shape == (12, 16, 1, 1)
    assert 0.2 < np.abs(pointwise.up_weight.weight.asnumpy()).max() <= 0.25
