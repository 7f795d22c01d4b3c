from __future__ import annotations

import numpy as np
import pytest
from mindspore import ParameterTuple, Tensor, ops

from golden import fill, golden_input
from mindtune.assemble import build_classifier
from mindtune.backbones import create_backbone
from mindtune.config import RunConfig
from mindtune.errors import ConfigError
from mindtune.objectives.supervised import SupervisedObjective
from mindtune.ops import SoftmaxAttention
from mindtune.parameters import weights_of
from mindtune.tuning.apply import apply_tunings, train_everything, train_norm, train_nothing
from mindtune.tuning.table import count_parameters, parameter_table


def config(modes: list[str], head: str = "linear", backbone: str = "vit_test") -> RunConfig:
    run = RunConfig()
    run.backbone.name = backbone
    run.tuning.modes = modes
    run.head.name = head
    if backbone == "vit_test":
        run.head.moment.width, run.head.moment.num_heads = 32, 2
    return run


@pytest.mark.parametrize(
    ("modes", "head", "trainable", "total"),
    [
        (["linear"], "linear", 769_000, 86_567_656),
        (["full"], "linear", 86_567_656, 86_567_656),
        (["linear"], "moment", 4_047_146, 89_845_802),
        (["psrp"], "moment", 4_489_514, 90_288_170),
        (["top_k"], "linear", 3 * 7_087_872 + 769_000, 86_567_656),
        (["bias", "linear"], "linear", 12 * 11 * 768 + 2 * 768 + 769_000, 86_567_656),
    ],
    ids=["LP", "FT", "MP", "MP+", "Top-3", "BitFit"],
)
def test_counts_of_vit_b_with_1000_classes(modes, head, trainable, total):
    network = build_classifier(config(modes, head, "vit_base_patch16_224"), 1000)
    row = count_parameters(network.parameter_groups())[-1]
    assert (row.group, row.trainable, row.total) == ("all", trainable, total)


def test_undecayed_parameters_of_mp_plus_are_those_of_the_authors():
    from mindtune.engine.optim import decay_of

    network = build_classifier(config(["psrp"], "moment", "vit_base_patch16_224"), 1000)
    trained = [p for p in weights_of(network) if p.requires_grad]
    undecayed = [p for p in trained if decay_of(p, 0.05) == 0]
    assert (len(undecayed), sum(p.size for p in undecayed)) == (5, 2_768)
    decayed = [p for p in trained if decay_of(p, 0.05) == 0.05]
    assert (len(decayed), sum(p.size for p in decayed)) == (41, 4_486_746)


def expected_trainable(name: str, modes: list[str]) -> bool:
    return name.startswith("head.") or "full" in modes or ("psrp" in modes and ".psrp." in name)


@pytest.mark.parametrize("head", ["linear", "moment"])
@pytest.mark.parametrize("modes", [["linear"], ["psrp"], ["full"], ["psrp", "full"]], ids="+".join)
def test_gradient_reaches_exactly_what_trains(modes, head):
    run = config(modes, head)
    run.tuning.psrp.init = "authors"
    network = build_classifier(run, 4)
    fill(network.backbone)
    fill(network.head, "head.")
    network.set_train(True)
    trained = [p for p in weights_of(network) if p.requires_grad]
    names = {p.name for p in trained}
    assert names == {p.name for p in weights_of(network) if expected_trainable(p.name, modes)}
    objective = SupervisedObjective(network)
    differentiate = ops.value_and_grad(objective, None, ParameterTuple(trained), has_aux=True)
    targets = Tensor(np.eye(4, dtype=np.float32)[[0, 2]])
    _, gradients = differentiate(golden_input("image", (2, 3, 32, 32)), targets)
    dead = {p.name for p, g in zip(trained, gradients) if not np.abs(g.asnumpy()).max() > 0}
    assert dead == set()


def test_zero_psrp_starts_from_the_pretrained_function_and_authors_does_not():
    images = golden_input("image", (2, 3, 32, 32))
    outputs = {}
    for name, modes, init in (
        ("plain", ["linear"], "zero"), ("zero", ["psrp"], "zero"), ("authors", ["psrp"], "authors"),
    ):  # fmt: skip
        run = config(modes)
        run.tuning.psrp.init = init
        network = build_classifier(run, 4)
        for parameter in weights_of(network):
            if ".psrp." not in parameter.name:
                rng = np.random.default_rng(len(parameter.name))
                value = 0.3 * rng.standard_normal(parameter.shape)
                parameter.set_data(Tensor(value.astype(np.float32)))
        outputs[name] = network(images).asnumpy()
    np.testing.assert_array_equal(outputs["zero"], outputs["plain"])
    assert np.abs(outputs["authors"] - outputs["plain"]).max() > 1e-4


def trained_names(run: RunConfig) -> set[str]:
    network = build_classifier(run, 4)
    return {p.name for p in weights_of(network) if p.requires_grad and p.name[:5] != "head."}


def test_last_blocks_train_with_what_lies_between_them():
    run = config(["top_k"], backbone="swin_test")
    groups = create_backbone("swin_test").layer_groups()
    assert [name for name in groups if name.startswith("blocks.")] == [
        f"blocks.{i}" for i in range(4)
    ]
    for num_blocks in (2, 3):
        run.tuning.top_k.num_blocks = num_blocks
        last = [p.name for i in range(4 - num_blocks, 4) for p in groups[f"blocks.{i}"]]
        assert trained_names(run) == set(last)
        assert any("downsample" in name for name in last) == (num_blocks == 3)
    run.tuning.modes = ["norm", "top_k"]
    assert trained_names(run) == {*last, "norm.weight", "norm.bias"}


@pytest.mark.parametrize("num_blocks", [0, 3])
def test_more_blocks_than_there_are_is_refused(num_blocks):
    run = config(["top_k"])
    run.tuning.top_k.num_blocks = num_blocks
    with pytest.raises(
        ConfigError, match=f"top_k.num_blocks: got {num_blocks}, expected 1 to the 2"
    ):
        build_classifier(run, 4)


@pytest.mark.parametrize(
    ("backbone", "names"),
    [
        ("swin_test", {"norm1.bias", "attn.qkv.bias", "attn.proj.bias", "norm2.bias",
                       "mlp.fc1.bias", "mlp.fc2.bias"}),
        ("fd_vit_test", {"norm1.bias", "attn.q_bias", "attn.v_bias", "attn.proj.bias", "norm2.bias",
                         "mlp.fc1.bias", "mlp.fc2.bias"}),
        ("vit_clip_test", {"ln_1.bias", "attn.in_proj_bias", "attn.out_proj.bias", "ln_2.bias",
                           "mlp.c_fc.bias", "mlp.c_proj.bias"}),
    ],
)  # fmt: skip
def test_biases_of_every_kind_and_no_table_of_positions(backbone, names):
    found = trained_names(config(["bias"], backbone=backbone))
    block = {n.split("blocks.0.")[1] for n in found if "blocks.0." in n and "layers.1" not in n}
    assert block == names


@pytest.mark.parametrize(
    ("modes", "message"),
    [
        (["psrpp"], "tuning.modes: got 'psrpp'.*did you mean 'psrp'"),
        ([], "expected one or more different tunings"),
        (["full", "full"], "expected one or more different tunings"),
    ],
)
def test_impossible_modes_are_refused(modes, message):
    with pytest.raises(ConfigError, match=message):
        build_classifier(config(modes), 4)


def test_table_shows_every_group_and_the_share():
    rows = count_parameters(build_classifier(config(["psrp"]), 4).parameter_groups())
    assert [row.group for row in rows] == ["embed", "blocks.0", "blocks.1", "norm", "head", "all"]
    assert sum(row.trainable for row in rows[:-1]) == rows[-1].trainable
    table = parameter_table(rows)
    assert table.row_count == 6
    assert list(table.columns[3].cells)[4] == "100.00 %"


@pytest.mark.parametrize("name", ["swin_test", "swinv2_test", "fd_vit_test", "fd_vit_test_student"])
@pytest.mark.parametrize(
    ("tuning", "trains"), [(train_nothing, False), (train_norm, False), (train_everything, True)]
)
def test_a_frozen_bias_of_attention_has_no_gradient(name, tuning, trains):
    backbone = create_backbone(name)
    apply_tunings(backbone, [tuning])
    found = [c for _, c in backbone.cells_and_names() if isinstance(c, SoftmaxAttention)]
    assert found
    assert all(cell.bias_trains is trains for cell in found)
