"""Block Expansion: where new blocks go, that they add nothing at first, and what then trains."""

from __future__ import annotations

from pathlib import Path

import mindspore as ms
import numpy as np
import pytest
from mindspore import ParameterTuple, Tensor, ops

from golden import fill, golden_input
from mindtune.assemble import build_classifier
from mindtune.backbones import VisionTransformer, ViTArchitecture, create_backbone
from mindtune.config import RunConfig
from mindtune.engine.optim import SGD
from mindtune.engine.step import TrainStep
from mindtune.errors import ConfigError, WeightsError
from mindtune.heads.linear import LinearHead
from mindtune.networks.classifier import Classifier
from mindtune.objectives.supervised import SupervisedObjective
from mindtune.parameters import named_weights, weights_of
from mindtune.preprocessing import Preprocessing
from mindtune.pretrained import load_for_evaluation, load_for_training, read_pretrained
from mindtune.tuning.apply import apply_tunings
from mindtune.tuning.block_expansion import expand_blocks, new_positions
from mindtune.tuning.table import count_parameters
from mindtune.weights.save import save_safetensors

WEIGHTS = Path(__file__).parents[1] / "data" / "weights"
VIT = WEIGHTS / "b_timm_vit" / "vit.safetensors"
EXPECTED = np.load(WEIGHTS / "g_block_expansion.npz")
NAMES = ["vit_test", "vit_layer_scale_test", "fd_vit_test", "fd_vit_test_student", "vit_clip_test"]


@pytest.fixture
def _operator_by_operator():
    """Compiling a small network takes longer than running it a few times without."""
    ms.set_context(mode=ms.PYNATIVE_MODE)
    yield
    ms.set_context(mode=ms.GRAPH_MODE)


@pytest.mark.parametrize(
    ("split", "positions"),
    [
        (1, tuple(range(1, 24, 2))), (2, (2, 5, 8, 11, 14, 17)), (3, (3, 7, 11, 15)),
        (4, (4, 9, 14)), (5, (5, 11)), (6, (6, 13)), (8, (8,)), (11, (11,)), (12, (12,)),
    ],
)  # fmt: skip
def test_positions_of_the_authors_splits(split, positions):
    assert new_positions(12, split=split) == positions


@pytest.mark.parametrize(
    ("num_blocks", "positions"),
    [(1, (12,)), (2, (6, 13)), (None, (4, 9, 14)), (4, (3, 7, 11, 15)), (5, (2, 5, 9, 12, 16))],
)
def test_numbers_of_blocks_are_spread_evenly(num_blocks, positions):
    assert new_positions(12, num_blocks) == positions


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": 4, "num_blocks": 3}, "block_expansion: got num_blocks and split, expected one"),
        ({"split": 13}, "block_expansion.split: got 13, expected 1 to 12"),
        ({"num_blocks": 0}, "block_expansion.num_blocks: got 0, expected 1 to 12"),
        (
            {"positions": [0, 4]},
            r"positions: got \[0, 4\], expected different numbers from 1",
        ),
        ({"positions": [4, 14]}, r"positions: got \[4, 14\], expected different numbers"),
        ({"positions": [4, 4]}, r"positions: got \[4, 4\], expected different numbers"),
        ({"positions": []}, r"positions: got \[\], expected different numbers"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else None,
)
def test_impossible_positions_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        new_positions(12, **options)


def test_hierarchical_backbones_are_refused():
    with pytest.raises(ConfigError, match="got SwinTransformer, expected a ViT.*use tuning lora"):
        expand_blocks(create_backbone("swin_test"))


@pytest.mark.parametrize(
    ("options", "trainable"),
    [
        ({"split": 11}, 7_164_772), ({"num_blocks": 2}, 14_252_644), ({"split": 4}, 21_340_516),
        ({"positions": [1, 2, 3, 9]}, 28_428_388),
    ],
)  # fmt: skip
def test_counts_of_vit_b_with_100_classes(options, trainable):
    run = RunConfig()
    run.tuning.modes = ["block_expansion"]
    vars(run.tuning.block_expansion).update(options)
    row = count_parameters(build_classifier(run, 100).parameter_groups())[-1]
    assert (row.trainable, row.total) == (trainable, 85_875_556 + trainable - 76_900)


@pytest.mark.usefixtures("_operator_by_operator")
@pytest.mark.parametrize("name", NAMES)
def test_starts_as_the_same_function_bit_for_bit(name):
    backbone = create_backbone(name)
    fill(backbone)
    images = golden_input("image", (2, 3, 32, 32))
    before = [output.asnumpy() for output in backbone(images)]
    names = set(named_weights(backbone))
    expanded = create_backbone(name)
    fill(expanded)
    trained = expand_blocks(expanded, positions=[1, 2, 4])  # two beside each other, one last
    for found, expected in zip(expanded(images), before):
        np.testing.assert_array_equal(found.asnumpy(), expected)
    assert len(expanded.blocks) == 5
    assert [p.name for p in weights_of(expanded)] == list(named_weights(expanded))
    block = len([n for n in names if ".0." in n and "blocks" in n])
    assert len(trained) == 3 * block
    taken = expanded.forward_intermediates(images, (3, 4))
    np.testing.assert_array_equal(taken[0].asnumpy(), taken[1].asnumpy())


@pytest.mark.usefixtures("_operator_by_operator")
@pytest.mark.parametrize(
    "modes", [["psrp", "block_expansion"], ["block_expansion", "psrp", "lora"]], ids="+".join
)
def test_beside_other_tunings_the_new_blocks_still_add_nothing(modes):
    """PSRP's shift and LoRA's update of an output projection are ends of a branch as well."""
    run = RunConfig()
    run.backbone.name = "vit_test"
    run.tuning.modes, run.tuning.psrp.init = modes, "authors"
    run.tuning.block_expansion.positions = [1]
    run.tuning.lora.targets = ["q", "proj", "fc2"]
    backbone = build_classifier(run, 4).backbone
    x = golden_input("tokens", (2, 17, 24))
    np.testing.assert_array_equal(backbone.blocks[1](x).asnumpy(), x.asnumpy())
    assert np.abs(backbone.blocks[0](x).asnumpy() - x.asnumpy()).max() > 1e-3


@pytest.mark.usefixtures("_operator_by_operator")
def test_gradient_at_the_start_reaches_the_zero_projections_alone():
    backbone = create_backbone("vit_test")
    fill(backbone)
    trained = apply_tunings(backbone, [lambda b: expand_blocks(b, positions=[1])])
    network = Classifier(backbone, LinearHead(24, 4, 1))
    differentiate = ops.value_and_grad(
        SupervisedObjective(network), None, ParameterTuple(trained), has_aux=True
    )
    targets = Tensor(np.eye(4, dtype=np.float32)[[0, 2]])
    _, gradients = differentiate(golden_input("image", (2, 3, 32, 32)), targets)
    alive = {p.name for p, g in zip(trained, gradients) if g.asnumpy().any()}
    assert alive == {
        f"blocks.1.{layer}.{kind}"
        for layer in ("attn.proj", "mlp.fc2")
        for kind in ("weight", "bias")
    }
    assert {p.name for p in weights_of(backbone) if p.requires_grad} == {p.name for p in trained}


def golden_network(split: int) -> Classifier:
    """The ViT of ``VIT``, expanded."""
    arch = ViTArchitecture(8, 48, 3, 3, mlp_ratio=2.0)
    backbone = VisionTransformer(arch, Preprocessing(32))
    apply_tunings(backbone, [lambda b: expand_blocks(b, split=split)])
    return Classifier(backbone, LinearHead(48, 10, 1))


@pytest.mark.parametrize("split", [1, 3])
def test_golden_training(split):
    """Two steps of SGD in PyTorch, from the same file: see tests/data/weights/README.md."""
    network = golden_network(split)
    report = load_for_training(network, read_pretrained(str(VIT)), reset_head=False)
    new = EXPECTED[f"g_expand_split{split}/new_blocks"].tolist()
    assert {int(name.split(".")[1]) for name in report.new} == set(new)
    assert len(report.loaded) + len(report.new) == len(named_weights(network))
    image = Tensor(EXPECTED["b_vit/image"])
    close = {"rtol": 0, "atol": 1e-4}
    np.testing.assert_allclose(
        network(image).asnumpy(), EXPECTED["g_expand/logits_before"], **close
    )

    trained = [p for p in weights_of(network) if p.requires_grad]
    step = TrainStep(SupervisedObjective(network), trained, SGD(trained, 0.0, 0.9))
    labels = np.eye(10, dtype=np.float32)[EXPECTED["g_expand/train_label"]]
    batch = (Tensor(EXPECTED["g_expand/train_image"]), Tensor(labels))
    losses = []
    for number in range(2):
        losses.append(float(step(0.1, number, [batch]).loss()))
        expected = EXPECTED[f"g_expand_split{split}/logits_after_step{number + 1}"]
        np.testing.assert_allclose(network(image).asnumpy(), expected, **close)
    np.testing.assert_allclose(losses, EXPECTED[f"g_expand_split{split}/losses"][:2], **close)


def test_weights_of_an_expanded_network_load_as_they_are(tmp_path):
    network = golden_network(3)
    fill(network)
    values = {name: p.asnumpy() for name, p in named_weights(network).items()}
    file = tmp_path / "expanded.safetensors"
    save_safetensors(file, values, {})
    for load in (load_for_evaluation, lambda *two: load_for_training(*two, reset_head=False)):
        other = golden_network(3)
        assert not load(other, read_pretrained(str(file))).new
        for name, parameter in named_weights(other).items():
            np.testing.assert_array_equal(parameter.asnumpy(), values[name], name)


def test_file_of_another_depth_is_refused():
    arch = ViTArchitecture(8, 48, 4, 3, mlp_ratio=2.0)
    backbone = VisionTransformer(arch, Preprocessing(32))
    apply_tunings(backbone, [lambda b: expand_blocks(b, num_blocks=2)])
    network = Classifier(backbone, LinearHead(48, 10, 1))
    with pytest.raises(WeightsError, match="the file has 3 blocks, the network 6: choose the"):
        load_for_training(network, read_pretrained(str(VIT)), reset_head=False)
    with pytest.raises(WeightsError, match="or, where blocks were inserted, the tuning block_exp"):
        load_for_evaluation(golden_network(3), read_pretrained(str(VIT)))
