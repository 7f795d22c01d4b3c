from __future__ import annotations

import mindspore as ms
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mindspore import Tensor, nn, ops

from mindtune.engine.precision import to_precision
from mindtune.errors import ConfigError
from mindtune.layers.conv import ChannelsLastConv, pointwise
from mindtune.layers.depthwise import DepthwiseConv
from mindtune.ops import composed
from ops.kernel_caller import needs_kernels


class Convolution:
    """Float64 convolution by its definition, groups of one channel or one group of all."""

    def __init__(self, weight: np.ndarray, stride: int, padding: int, depthwise: bool) -> None:
        self.weight = weight.astype(np.float64)
        self.stride, self.padding, self.depthwise = stride, padding, depthwise
        self.rule = "bhwc,c->bhwc" if depthwise else "bhwc,oc->bhwo"

    def taps(self, padded: np.ndarray, shape: tuple[int, ...]):
        kernel = self.weight.shape[-1]
        for i in range(kernel):
            for j in range(kernel):
                rows = slice(i, i + self.stride * (shape[1] - 1) + 1, self.stride)
                columns = slice(j, j + self.stride * (shape[2] - 1) + 1, self.stride)
                w = self.weight[:, 0, i, j] if self.depthwise else self.weight[:, :, i, j]
                yield (i, j), padded[:, rows, columns], w, (rows, columns)

    def padded(self, x: np.ndarray) -> np.ndarray:
        p = self.padding
        return np.pad(x.astype(np.float64), ((0, 0), (p, p), (p, p), (0, 0)))

    def forward(self, x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        return sum(
            np.einsum(self.rule, part, w) for _, part, w, _ in self.taps(self.padded(x), shape)
        )

    def backward(self, x: np.ndarray, g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Gradients of sum(output * g) for the input and the weight."""
        padded = self.padded(x)
        dx, dw = np.zeros_like(padded), np.zeros_like(self.weight)
        for (i, j), part, w, (rows, columns) in self.taps(padded, g.shape):
            if self.depthwise:
                dw[:, 0, i, j] = (part * g).sum((0, 1, 2))
                dx[:, rows, columns] += g * w
            else:
                dw[:, :, i, j] = np.einsum("bhwo,bhwc->oc", g, part)
                dx[:, rows, columns] += np.einsum("bhwo,oc->bhwc", g, w)
        p = self.padding
        return dx[:, p : dx.shape[1] - p, p : dx.shape[2] - p], dw


class WithGradients(nn.Cell):
    """Output of a layer, and gradients of sum(output * g)."""

    def __init__(self, layer: nn.Cell) -> None:
        super().__init__()
        self.layer = layer
        self.weights = ms.ParameterTuple([layer.weight, layer.bias])
        self.differentiate = ops.GradOperation(get_all=True, get_by_list=True, sens_param=True)

    def construct(self, x: Tensor, g: Tensor):
        return self.layer(x), self.differentiate(self.layer, self.weights)(x, g)


def assert_is(layer: nn.Cell, reference: Convolution, x: np.ndarray, shape: tuple[int, ...]):
    rng = np.random.default_rng(1)
    bias = rng.standard_normal(shape[-1]).astype(np.float32)
    layer.bias.set_data(Tensor(bias))
    g = rng.standard_normal(shape).astype(np.float32)
    output, ((dx,), (dw, db)) = WithGradients(layer)(Tensor(x), Tensor(g))
    assert output.shape == shape
    expected = (reference.forward(x, shape) + bias, *reference.backward(x, g), g.sum((0, 1, 2)))
    for found, wanted in zip((output, dx, dw, db), expected):
        assert found.shape == wanted.shape
        atol = 1e-5 * np.abs(wanted).max()
        np.testing.assert_allclose(found.asnumpy(), wanted, rtol=0, atol=atol)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "padding", "out"),
    [
        ((6, 7), 1, 1, 0, (6, 7)),
        ((6, 7), 3, 1, 1, (6, 7)),
        ((6, 7), 3, 2, 1, (3, 4)),
        ((9, 8), 7, 2, 3, (5, 4)),
        ((8, 8), 4, 4, 0, (2, 2)),
        ((7, 5), 2, 2, 0, (3, 2)),  # the last row and column fit no window
        ((6, 7), 1, 2, 0, (3, 4)),
    ],
)
@pytest.mark.parametrize("path", ["compiled", "composed"])
def test_convolution_and_its_gradients(size, kernel, stride, padding, out, path):
    layer = ChannelsLastConv(5, 4, kernel, stride, padding)
    layer.uses_kernel = layer.uses_kernel and path == "compiled"
    x = np.random.default_rng(0).standard_normal((2, *size, 5)).astype(np.float32)
    reference = Convolution(layer.weight.asnumpy(), stride, padding, depthwise=False)
    assert_is(layer, reference, x, (2, *out, 4))


@pytest.mark.parametrize(("size", "kernel"), [((6, 9), 3), ((8, 8), 7), ((2, 1), 7)])
def test_depthwise_convolution_and_its_gradients(size, kernel):
    layer = DepthwiseConv(5, kernel)
    rng = np.random.default_rng(0)
    layer.weight.set_data(Tensor(rng.standard_normal(layer.weight.shape).astype(np.float32)))
    x = rng.standard_normal((2, *size, 5)).astype(np.float32)
    reference = Convolution(layer.weight.asnumpy(), 1, kernel // 2, depthwise=True)
    assert_is(layer, reference, x, x.shape)


def test_pointwise_convolution_is_a_dense_layer():
    layer = pointwise(4, 3, bias=False)
    assert [p.name for p in layer.get_parameters()] == ["weight"]
    assert layer.weight.shape == (3, 4, 1, 1)
    x = np.random.default_rng(0).standard_normal((2, 5, 5, 4)).astype(np.float32)
    expected = x @ layer.weight.asnumpy().reshape(3, 4).T
    np.testing.assert_allclose(layer(Tensor(x)).asnumpy(), expected, rtol=1e-5, atol=1e-6)


@needs_kernels
@settings(max_examples=6, deadline=None)
@given(
    size=st.tuples(st.integers(1, 4), st.integers(7, 19), st.integers(7, 19)),
    channels=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    taps=st.tuples(st.integers(1, 7), st.integers(1, 3), st.integers(0, 3)),
)
def test_the_compiled_form_equals_the_composed_one(size, channels, taps):
    layer = ChannelsLastConv(*channels, *taps)
    rng = np.random.default_rng(0)
    maps = Tensor(rng.standard_normal((*size, channels[0]), np.float32))
    weights = Tensor(np.sin(np.arange(layer(maps).size)).astype(np.float32))
    weights = weights.reshape(layer(maps).shape)

    def found() -> list[np.ndarray]:
        # a graph of its own each time: a Cell keeps the one it has
        y, ((dx,), (dw, db)) = WithGradients(layer)(maps, weights)
        return [one.asnumpy() for one in (y, dx, dw, db)]

    compiled = found()
    with composed(layer):
        expected = found()
    # Two float32 sums of up to 1960 products; tests/ops compares with float64, by 1e-6.
    for one, other, bound in zip(compiled, expected, (5e-6, 1e-5, 1e-5, 1e-5)):
        assert np.abs(one - other).max() <= bound * np.abs(other).max()


def test_half_precision_takes_mindspore_s_operators():
    layer = ChannelsLastConv(3, 4, 3, padding=1)
    to_precision(layer, "fp16")
    assert not layer.uses_kernel
    assert not layer.linear_map.uses_kernel


def test_even_depthwise_kernels_are_refused():
    with pytest.raises(ConfigError, match="kernel: got 4, expected an odd number"):
        DepthwiseConv(3, 4)
