"""Layers with a compiled form: both forms agree, in value and gradient, in graph mode and not."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn, ops

from mindtune.layers.activations import GELU, QuickGELU
from mindtune.layers.drop_path import DropPath
from mindtune.layers.dropout import Dropout
from mindtune.layers.layer_scale import LayerScale
from mindtune.layers.linear import linear
from mindtune.layers.norm import LayerNorm
from mindtune.layers.unit_rows import UnitRows
from mindtune.ops import composed, layer_norm, linear_map, row_maps
from mindtune.ops.two_paths import TwoPaths
from ops.kernel_caller import needs_kernels

LAYERS = {"GELU": GELU, "QuickGELU": QuickGELU, "LayerNorm": lambda: _filled(LayerNorm(21, 1e-6))}
ROWS = {
    "layer scale": lambda: _filled(LayerScale(21, 0.1)),
    "drop path": lambda: DropPath(0.5).set_train(),
    "dropout": lambda: Dropout(0.3).set_train(),
    "unit rows": UnitRows,
}
LINEAR = {
    "linear": lambda: _filled(linear(21, 13)),
    "without bias": lambda: _filled(linear(21, 13, bias=False)),
}
FORMS = {**LAYERS, **ROWS, **LINEAR}
each_layer = pytest.mark.parametrize("make", LAYERS.values(), ids=list(LAYERS))


def _filled(cell: nn.Cell) -> nn.Cell:
    rng = np.random.default_rng(1)
    for parameter in cell.get_parameters():
        parameter.set_data(Tensor(1 + 0.3 * rng.standard_normal(parameter.shape, np.float32)))
    return cell


def _parts(cell: nn.Cell) -> list[TwoPaths]:
    found = [part for _, part in cell.cells_and_names() if isinstance(part, TwoPaths)]
    assert found
    return found


@pytest.fixture(params=["graph", "pynative"])
def _mode(request) -> Iterator[None]:
    ms.set_context(mode=ms.GRAPH_MODE if request.param == "graph" else ms.PYNATIVE_MODE)
    yield
    ms.set_context(mode=ms.GRAPH_MODE)


def numbers(*shape: int) -> Tensor:
    return Tensor(np.random.default_rng(0).standard_normal(shape, np.float32))


def value_and_gradients(cell: nn.Cell, x: Tensor) -> list[np.ndarray]:
    weights = cell.trainable_params()

    def weighted(x: Tensor) -> tuple[Tensor, Tensor]:
        y = cell(x)
        return (ops.sin(3 * y) * y).sum(), y

    differentiate = ops.value_and_grad(weighted, 0, weights or None, has_aux=True)
    (_, y), gradients = differentiate(x)
    gradients = (gradients[0], *gradients[1]) if weights else (gradients,)
    return [one.asnumpy() for one in (y, *gradients)]


@needs_kernels
@pytest.mark.usefixtures("_mode")
@pytest.mark.parametrize("make", FORMS.values(), ids=list(FORMS))
@pytest.mark.parametrize("shape", [(4, 21), (2, 5, 21), (2, 3, 3, 21)], ids=str)
def test_compiled_form_equals_the_composed_one(make: Callable[[], nn.Cell], shape):
    cell, x = make(), numbers(*shape)
    assert all(part.uses_kernel for part in _parts(cell))
    found = value_and_gradients(cell, x)
    with composed(cell):
        expected = value_and_gradients(cell, x)
    for one, other, bound in zip(found, expected, (1e-6, 1e-5, 1e-5, 1e-5)):
        assert one.shape == other.shape
        assert np.abs(one - other).max() <= bound * np.abs(other).max()


@needs_kernels
@each_layer
def test_a_copy_computes_the_same(make: Callable[[], nn.Cell]):
    cell, x = make(), numbers(2, 21)
    np.testing.assert_array_equal(copy.deepcopy(cell)(x).asnumpy(), cell(x).asnumpy())


@each_layer
@pytest.mark.parametrize("path", ["compiled", "composed"])
def test_half_precision_is_computed_in_float32(make: Callable[[], nn.Cell], path):
    cell = make()
    cell.uses_kernel = cell.uses_kernel and path == "compiled"
    half = numbers(2, 21).astype(ms.float16)
    y = cell(half)
    assert y.dtype == (ms.float16 if isinstance(cell, QuickGELU) else ms.float32)
    expected = cell(half.astype(ms.float32)).asnumpy()
    np.testing.assert_allclose(y.asnumpy(), expected, atol=2e-3)


FROZEN = {
    "LayerNorm": (layer_norm, "layer_norm_kernel", "ParametersGradient", LayerNorm, (21, 1e-6)),
    "Linear": (linear_map, "linear_kernel", "WeightGradient", linear, (21, 21)),
    "LayerScale": (row_maps, "channel_map_kernel", "RowProductsSum", LayerScale, (21, 0.1)),
}


@needs_kernels
@pytest.mark.parametrize(
    ("module", "kernel", "gradient", "make", "sizes"), FROZEN.values(), ids=list(FROZEN)
)
def test_the_gradient_of_frozen_weights_is_not_computed(
    monkeypatch, module, kernel, gradient, make, sizes
):
    """A kernel that refuses: the graph fails where it is called, and only there."""
    real = module.compiled

    def without_gradient(library, symbol, *others):
        return real(library, "ClassWins" if gradient in symbol else symbol, *others)

    monkeypatch.setattr(module, "compiled", without_gradient)
    getattr(module, kernel).cache_clear()
    network = nn.SequentialCell(nn.Dense(21, 21), make(*sizes))
    getattr(module, kernel).cache_clear()

    def differentiate(weights: list[ms.Parameter]) -> np.ndarray:
        def total(x: Tensor) -> Tensor:
            return network(x).sum()

        gradients = ops.value_and_grad(total, None, weights)(numbers(2, 21))[1]
        return gradients[0].asnumpy()

    assert differentiate([network[0].weight]).shape == (21, 21)
    with pytest.raises(RuntimeError, match="ClassWins: expected"):
        differentiate(network[1].trainable_params()[:1])
