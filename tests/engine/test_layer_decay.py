"""Learning rates by depth, against the figures measured on Feature Distillation's code."""

from __future__ import annotations

import numpy as np
import pytest
from mindspore import Parameter, Tensor

from mindtune.backbones import create_backbone
from mindtune.engine.layer_decay import RateGroups, layer_decay, one_rate
from mindtune.engine.schedules import learning_rates
from mindtune.errors import ConfigError
from mindtune.heads.linear import LINEAR_HEADS
from mindtune.networks.classifier import Classifier


def parameter(name: str) -> Parameter:
    return Parameter(Tensor(np.zeros(1, np.float32)), name=name)


def groups_of(depth: int) -> dict[str, list[Parameter]]:
    blocks = [f"blocks.{i}" for i in range(depth)]
    return {name: [parameter(name)] for name in ("embed", *blocks, "norm", "head")}


def scales_of(groups: RateGroups, names: dict[str, list[Parameter]]) -> dict[str, float]:
    return {n: groups.scales[groups.members[id(ps[0])]] for n, ps in names.items()}


def test_scales_of_a_vit_b_are_the_authors():
    names = groups_of(12)
    scales = scales_of(layer_decay(names, 0.6), names)
    assert scales["embed"] == pytest.approx(0.00131, abs=5e-6)
    assert (scales["blocks.11"], scales["norm"], scales["head"]) == (0.6, 1.0, 1.0)
    assert scales["blocks.0"] == pytest.approx(0.6**12)


@pytest.mark.parametrize(
    ("name", "layer", "scale"),
    [
        ("fd_vit_test", "cls_token", 0.5**3),
        ("fd_vit_test", "blocks.0.attn.relative_position_bias_table", 0.5**2),
        ("fd_vit_test", "blocks.1.gamma_1", 0.5),
        ("fd_vit_test", "fc_norm.weight", 1.0),
        ("swinv2_test", "patch_embed.norm.weight", 0.5**5),
        ("swinv2_test", "layers.1.downsample.reduction.weight", 0.5**3),  # with block 1 of 4
        ("swinv2_test", "layers.1.blocks.0.attn.qkv.weight", 0.5**2),
        ("swinv2_test", "head.fc.weight", 1.0),
    ],
)
def test_layers_of_both_students(name, layer, scale):
    backbone = create_backbone(name)
    head = LINEAR_HEADS[backbone.classifier](backbone.num_features, 3, backbone.num_prefix_tokens)
    network = Classifier(backbone, head)
    groups = layer_decay(network.parameter_groups(), 0.5)
    chosen = next(p for p in network.get_parameters() if p.name == layer)
    assert groups.scales[groups.numbers([chosen])[0]] == scale


def schedule(scale: float) -> np.ndarray:
    return learning_rates("cosine", scale, 10, 100, 2, 2.5e-7, 2.5e-7, cooldown_epochs=1)


def test_rates_of_the_head_are_the_authors():
    rates = RateGroups((0.6, 1.0), {}).rates(schedule)
    expected = {
        1: 0.00500025, 199: 0.995, 200: 1, 201: 0.9999961, 600: 0.5, 999: 4.105e-6, 1000: 2.5e-7
    }  # fmt: skip
    for update, rate in expected.items():
        assert rates[update, 1] == pytest.approx(rate, rel=1e-4)
    np.testing.assert_array_equal(rates[:, 0], 0.6 * rates[:, 1])


def test_authors_floor_is_the_same_for_all_layers():
    """As in their ViT-L: a layer whose peak lies below the floor falls, then rises again."""
    rates = RateGroups((1e-7, 1.0), {}).rates(schedule, absolute_floor=True)
    np.testing.assert_array_equal(rates[:, 1], schedule(1.0))
    low = rates[:1000, 0]
    assert low[0] == rates[1000, 0] == 2.5e-7
    assert low[200] == pytest.approx(1e-7)
    assert (np.diff(low[:200]) < 0).all()
    assert (np.diff(low[201:]) > 0).all()


def test_one_rate_for_all():
    names = groups_of(2)
    groups = one_rate(names)
    assert groups.numbers([names["embed"][0], names["head"][0]]) == [0, 0]
    np.testing.assert_array_equal(groups.rates(schedule)[:, 0], schedule(1.0))


def test_a_backbone_without_blocks_is_refused():
    with pytest.raises(ConfigError, match=r"layer_decay: got 0.5, but the backbone has no blocks"):
        layer_decay({"stem": [], "layer1": []}, 0.5)
