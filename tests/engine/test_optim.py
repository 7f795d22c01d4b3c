from __future__ import annotations

import numpy as np
import pytest
from mindspore import Parameter, Tensor

from mindtune.engine.ema import Ema
from mindtune.engine.optim import LARS, SGD, AdamW, create_optimizer, decay_of
from mindtune.errors import ConfigError

SHAPES = {
    "blocks.0.weight": (7, 5),
    "blocks.0.bias": (7,),
    "pos_embed": (1, 3, 5),
    "scale.weight": (5,),
}
DECAYED = {"blocks.0.weight"}
BIAS_TABLE = "relative_position_bias_table"


def parameters(rng: np.random.Generator) -> list[Parameter]:
    return [
        Parameter(Tensor(rng.standard_normal(shape).astype(np.float32)), name=name)
        for name, shape in SHAPES.items()
    ]


def gradients(rng: np.random.Generator) -> list[np.ndarray]:
    return [(1e-3 * rng.standard_normal(s)).astype(np.float32) for s in SHAPES.values()]


@pytest.mark.parametrize(
    ("name", "shape", "decay"),
    [
        ("layers.0.blocks.0.attn.qkv.weight", (6, 2), 0.05),
        ("layers.0.blocks.0.attn.relative_position_bias_table", (9, 2), 0.0),
        ("layers.0.blocks.0.attn.logit_scale", (2, 1, 1), 0.0),
        ("layers.0.blocks.0.attn.cpb_mlp.2.weight", (2, 4), 0.0),
        ("rel_pos_bias.relative_position_bias_table", (12, 2), 0.0),
    ],
)
def test_positions_are_not_decayed(name, shape, decay):
    assert decay_of(Parameter(Tensor(np.zeros(shape, np.float32)), name=name), 0.05) == decay


@pytest.mark.parametrize("eps", [1e-8, 1e-3])
def test_adamw_equals_its_definition_with_bias_correction(eps):
    rng = np.random.default_rng(0)
    trained = parameters(rng)
    wide = [p.asnumpy().astype(np.float64) for p in trained]
    m, v = [0 * p for p in wide], [0 * p for p in wide]
    optimizer = AdamW(trained, 0.05, (0.9, 0.999), eps)
    for step in range(1, 13):
        lr = 1e-2 / step
        values = gradients(rng)
        optimizer(Tensor(lr, trained[0].dtype), tuple(Tensor(g) for g in values))
        for i, (name, g) in enumerate(zip(SHAPES, values)):
            m[i] = 0.9 * m[i] + 0.1 * g.astype(np.float64)
            v[i] = 0.999 * v[i] + 0.001 * g.astype(np.float64) ** 2
            wide[i] *= 1 - lr * (0.05 if name in DECAYED else 0)
            wide[i] -= lr * (m[i] / (1 - 0.9**step)) / (np.sqrt(v[i] / (1 - 0.999**step)) + eps)
    for parameter, expected in zip(trained, wide):
        np.testing.assert_allclose(parameter.asnumpy(), expected, rtol=1e-5, atol=2e-6)


def test_sgd_equals_its_definition():
    rng = np.random.default_rng(0)
    trained = parameters(rng)
    wide = [p.asnumpy().astype(np.float64) for p in trained]
    buffers = [0 * p for p in wide]
    optimizer = SGD(trained, 0.1, momentum=0.9)
    for _ in range(6):
        values = gradients(rng)
        optimizer(Tensor(0.5, trained[0].dtype), tuple(Tensor(g) for g in values))
        for i, (name, g) in enumerate(zip(SHAPES, values)):
            buffers[i] = 0.9 * buffers[i] + g + (0.1 * wide[i] if name in DECAYED else 0)
            wide[i] = wide[i] - 0.5 * buffers[i]
    for parameter, expected in zip(trained, wide):
        np.testing.assert_allclose(parameter.asnumpy(), expected, rtol=1e-5, atol=1e-6)


def test_sgd_is_pytorch_s():
    """Weights by torch 2.13's SGD with momentum 0.9: the first buffer is the first gradient."""
    trained = [Parameter(Tensor(np.array([[1.0, -2.0], [0.5, 3.0]], np.float32)), name="weight")]
    optimizer = SGD(trained, 0.0, momentum=0.9)
    slopes = np.array([[0.3, -0.1], [0.2, 0.7]], np.float32)
    for step, (lr, expected) in enumerate(
        [
            (0.0, [[1.0, -2.0], [0.5, 3.0]]),
            (0.1, [[1.0230000019073486, -2.0209999084472656], [0.5120000243186951, 3.06699991]]),
            (0.2, [[0.8443999886512756, -2.038800001144409], [0.373600035905838, 2.72759986]]),
            (0.05, [[0.8492149710655212, -2.0778050422668457], [0.3674600422382355, 2.77623487]]),
        ]
    ):
        gradient = slopes * (step + 1) * (-1) ** step + np.float32(0.1 * step)
        optimizer(Tensor(lr, trained[0].dtype), (Tensor(gradient.astype(np.float32)),))
        np.testing.assert_allclose(trained[0].asnumpy(), expected, rtol=3e-7)


def test_average_follows_its_recursion_and_is_applied_for_a_while():
    rng = np.random.default_rng(0)
    trained = parameters(rng)
    ema = Ema(trained, 0.75)
    expected = [p.asnumpy() for p in trained]
    for _ in range(3):
        for parameter in trained:
            parameter.set_data(parameter * 1.5)
        ema()
        expected = [0.75 * e + 0.25 * p.asnumpy() for e, p in zip(expected, trained)]
    trained_values = [p.asnumpy() for p in trained]
    with ema.applied():
        for parameter, value in zip(trained, expected):
            np.testing.assert_allclose(parameter.asnumpy(), value, rtol=1e-6)
    for parameter, value in zip(trained, trained_values):
        np.testing.assert_array_equal(parameter.asnumpy(), value)
    assert int(ema.count.asnumpy()) == 3


def test_names_tell_the_states_apart():
    trained = parameters(np.random.default_rng(0))
    names = [p.name for p in [*AdamW(trained, 0).state(), *Ema(trained, 0.5).state()]]
    assert len(names) == len(set(names)) == 3 * len(trained) + 2


def test_impossible_choices_are_refused():
    with pytest.raises(ConfigError, match="nothing trains"):
        create_optimizer("adamw", [], 0.0, (0.9, 0.999), 1e-8, 0.9)
    with pytest.raises(ConfigError, match="optim.name: got 'lion'"):
        create_optimizer("lion", parameters(np.random.default_rng(0)), 0, (0.9, 0.999), 1e-8, 0.9)
    with pytest.raises(ConfigError, match="ema_decay: got 1.0"):
        Ema(parameters(np.random.default_rng(0)), 1.0)


def test_lars_equals_its_definition():
    rng = np.random.default_rng(0)
    trained = parameters(rng)
    trained[2].set_data(Tensor(np.zeros(SHAPES["pos_embed"], np.float32)))  # a norm of 0
    wide = [p.asnumpy().astype(np.float64) for p in trained]
    buffers = [0 * p for p in wide]
    optimizer = LARS(trained, 0.1, momentum=0.9)
    for _ in range(6):
        values = gradients(rng)
        optimizer(Tensor(0.5, trained[0].dtype), tuple(Tensor(g) for g in values))
        for i, (name, g) in enumerate(zip(SHAPES, values)):
            g = g + (0.1 * wide[i] if name in DECAYED else 0)
            if wide[i].ndim > 1 and np.linalg.norm(wide[i]) > 0:
                g = g * 1e-3 * np.linalg.norm(wide[i]) / np.linalg.norm(g)
            buffers[i] = 0.9 * buffers[i] + g
            wide[i] = wide[i] - 0.5 * buffers[i]
    for parameter, expected in zip(trained, wide):
        np.testing.assert_allclose(parameter.asnumpy(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", [AdamW, SGD, LARS])
def test_each_group_learns_at_its_own_rate(kind):
    """Rates by group give what an optimiser of its own for each group gives."""
    groups, rates = [1, 0, 1, 2], [1e-2, 3e-2, 0.0]
    together, apart = (parameters(np.random.default_rng(0)) for _ in range(2))
    one = kind(together, 0.1, groups=groups)
    several = [kind([p], 0.1) for p in apart]
    rng = np.random.default_rng(1)
    for _ in range(3):
        values = [Tensor(g) for g in gradients(rng)]
        one(Tensor(rates, together[0].dtype), tuple(values))
        for optimizer, group, value in zip(several, groups, values):
            optimizer(Tensor(rates[group], together[0].dtype), (value,))
    for parameter, expected in zip(together, apart):
        np.testing.assert_array_equal(parameter.asnumpy(), expected.asnumpy())


def test_bias_tables_are_decayed_on_request():
    table = Parameter(Tensor(np.zeros((9, 2), np.float32)), name=f"b.{BIAS_TABLE}")
    assert decay_of(table, 0.05, bias_tables=True) == 0.05
    assert AdamW([table], 0.05, decay_bias_tables=True).decays == (0.05,)
