from __future__ import annotations

import mindspore as ms
import numpy as np
import pytest
from mindspore import Parameter, Tensor, nn, ops

from mindtune.layers.batch_norm import BatchNorm
from mindtune.layers.map_norm import MapNorm
from mindtune.layers.moving import moving_statistics
from mindtune.tuning.apply import apply_tunings, train_everything

X = np.random.default_rng(0).standard_normal((3, 4, 5, 6)).astype(np.float32) * 2 + 1
G = np.random.default_rng(1).standard_normal(X.shape).astype(np.float32)


class WithGradients(nn.Cell):
    """Output of a norm, and gradients of sum(output * g)."""

    def __init__(self, norm: nn.Cell) -> None:
        super().__init__()
        self.norm = norm
        self.weights = ms.ParameterTuple([norm.weight, norm.bias])
        self.differentiate = ops.value_and_grad(self.weighted, 0, self.weights)

    def weighted(self, x: Tensor, g: Tensor) -> Tensor:
        return (self.norm(x) * g).sum()

    def construct(self, x: Tensor, g: Tensor):
        return self.differentiate(x, g)[1]


def scaled(norm: nn.Cell) -> tuple[np.ndarray, np.ndarray]:
    """Give ``norm`` a scale and a shift; returns them."""
    weight, bias = np.random.default_rng(2).standard_normal((2, 6)).astype(np.float32)
    norm.weight.set_data(Tensor(weight))
    norm.bias.set_data(Tensor(bias))
    return weight, bias


def expected_gradients(axes: tuple[int, ...], eps: float, weight: np.ndarray):
    """Of a normalisation over ``axes``, by hand in float64."""
    x, g = X.astype(np.float64), G.astype(np.float64)
    std = np.sqrt(x.var(axes, keepdims=True) + eps)
    hat = (x - x.mean(axes, keepdims=True)) / std
    d = g * weight
    along = (d * hat).mean(axes, keepdims=True)
    dx = (d - d.mean(axes, keepdims=True) - hat * along) / std
    return hat, (dx, (g * hat).sum((0, 1, 2)), g.sum((0, 1, 2)))


@pytest.mark.parametrize(
    ("norm", "axes", "eps"),
    [
        (lambda: MapNorm(6, 1e-5), (1, 2, 3), 1e-5),
        (lambda: MapNorm(6, 1e-1), (1, 2, 3), 1e-1),
        (lambda: BatchNorm(6).set_train(True), (0, 1, 2), 1e-5),
    ],
    ids=["map", "map with a large eps", "batch"],
)
def test_norm_and_its_gradients(norm, axes, eps):
    layer = norm()
    weight, bias = scaled(layer)
    hat, backward = expected_gradients(axes, eps, weight)
    found = layer(Tensor(X)).asnumpy()
    np.testing.assert_allclose(found, hat * weight + bias, rtol=1e-4, atol=1e-5)
    dx, (dw, db) = WithGradients(layer)(Tensor(X), Tensor(G))
    for gradient, wanted in zip((dx, dw, db), backward):
        atol = 1e-5 * np.abs(wanted).max()
        np.testing.assert_allclose(gradient.asnumpy(), wanted, rtol=0, atol=atol)


def statistics_after(training: bool, frozen: bool) -> tuple[np.ndarray, np.ndarray]:
    layer = BatchNorm(6).set_train(training)
    layer.frozen = frozen
    layer.running_mean.set_data(Tensor(np.arange(6, dtype=np.float32)))
    layer(Tensor(X))
    return layer.running_mean.asnumpy(), layer.running_var.asnumpy()


def test_training_moves_the_running_statistics_a_tenth_of_the_way():
    mean, var = statistics_after(training=True, frozen=False)
    np.testing.assert_allclose(mean, 0.9 * np.arange(6) + 0.1 * X.mean((0, 1, 2)), rtol=1e-5)
    np.testing.assert_allclose(var, 0.9 + 0.1 * X.var((0, 1, 2), ddof=1), rtol=1e-5)


@pytest.mark.parametrize(("training", "frozen"), [(False, False), (True, True), (False, True)])
def test_evaluation_and_frozen_layers_leave_them(training, frozen):
    mean, var = statistics_after(training, frozen)
    np.testing.assert_array_equal(mean, np.arange(6))
    np.testing.assert_array_equal(var, np.ones(6))


@pytest.mark.parametrize("frozen", [False, True])
def test_what_is_normalised_by_running_statistics(frozen):
    layer = BatchNorm(6).set_train(frozen)
    layer.frozen = frozen
    weight, bias = scaled(layer)
    mean, var = np.random.default_rng(3).random((2, 6)).astype(np.float32)
    layer.running_mean.set_data(Tensor(mean))
    layer.running_var.set_data(Tensor(var))
    expected = (X - mean) / np.sqrt(var + 1e-5) * weight + bias
    np.testing.assert_allclose(layer(Tensor(X)).asnumpy(), expected, rtol=1e-4, atol=1e-5)


def test_moving_statistics_are_those_of_layers_that_are_not_frozen():
    norms = nn.CellList([BatchNorm(2), BatchNorm(3)])
    norms[0].frozen = True
    moving: list[Parameter] = moving_statistics(norms)
    assert [id(p) for p in moving] == [id(norms[1].running_mean), id(norms[1].running_var)]


def test_statistics_that_are_kept_stay_whatever_trains():
    norms = nn.CellList([BatchNorm(6, keeps_statistics=True), BatchNorm(6)]).set_train(True)
    backbone = nn.SequentialCell(norms[0])
    assert len(apply_tunings(backbone, [train_everything])) == 2
    expected = X / np.sqrt(1 + 1e-5)
    np.testing.assert_allclose(backbone(Tensor(X)).asnumpy(), expected, rtol=1e-5)
    assert moving_statistics(norms) == [norms[1].running_mean, norms[1].running_var]
