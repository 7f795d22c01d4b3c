from __future__ import annotations

import numpy as np
import pytest
from mindspore import Parameter, Tensor

from mindtune.evaluation.loss_landscape import loss_landscape, random_direction

SHAPES = {"conv": (4, 3, 2, 2), "matrix": (5, 6), "bias": (5,)}


def parameters() -> list[Parameter]:
    rng = np.random.default_rng(0)
    return [
        Parameter(Tensor(rng.standard_normal(shape).astype(np.float32)), name=name)
        for name, shape in SHAPES.items()
    ]


def test_rows_of_a_direction_are_as_long_as_those_of_the_weights():
    weights = parameters()
    direction = random_direction(weights, np.random.default_rng(1))
    for parameter, moved in zip(weights, direction):
        assert moved.shape == parameter.shape
        if parameter.ndim == 1:
            assert not moved.any()
            continue
        for row, step in zip(parameter.asnumpy(), moved):
            np.testing.assert_allclose(np.linalg.norm(step), np.linalg.norm(row), rtol=1e-5)


def test_losses_are_those_of_a_quadratic_worked_out_by_hand():
    """For a loss |w - t|^2 the whole grid follows from a few inner products."""
    weights = parameters()
    start = [p.asnumpy().copy() for p in weights]
    target = [0.5 * w for w in start]

    def loss() -> float:
        return sum(float(np.sum((p.asnumpy() - t) ** 2)) for p, t in zip(weights, target))

    places, losses = loss_landscape(loss, weights, steps=5, radius=0.5, seed=3)
    np.testing.assert_allclose(places, [-0.5, -0.25, 0, 0.25, 0.5])
    rng = np.random.default_rng(3)
    first, second = (
        np.concatenate([d.ravel() for d in random_direction(weights, rng)]) for _ in range(2)
    )
    gap = np.concatenate([(w - t).ravel() for w, t in zip(start, target)])
    for i, a in enumerate(places):
        for j, b in enumerate(places):
            expected = (
                gap @ gap + a * a * first @ first + b * b * second @ second
                + 2 * (a * gap @ first + b * gap @ second + a * b * first @ second)
            )  # fmt: skip
            np.testing.assert_allclose(losses[i, j], expected, rtol=1e-4)
    for parameter, value in zip(weights, start):
        np.testing.assert_array_equal(parameter.asnumpy(), value)


def test_weights_come_back_when_the_loss_fails():
    weights = parameters()
    before = [p.asnumpy().copy() for p in weights]

    def loss() -> float:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        loss_landscape(loss, weights, steps=3, radius=1.0, seed=0)
    for parameter, value in zip(weights, before):
        np.testing.assert_array_equal(parameter.asnumpy(), value)
