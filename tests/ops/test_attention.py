"""SoftmaxAttention through MindSpore: compiled path, composed path and float64 agree."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, ops
from scipy.special import softmax

from mindtune.ops import SoftmaxAttention, composed
from ops.agreement import assert_agrees
from ops.attention_cases import NOTHING, Attending
from ops.kernel_caller import needs_kernels

PLAIN = Attending(2, 17, 2, 5)
CAUSAL = Attending(2, 9, 2, 8, is_causal=True)
WINDOWS = Attending(4, 9, 3, 4, bias=(1, 3), mask=(2, 1))
OWN_BIAS = Attending(3, 9, 2, 4, bias=(3, 1))
PATHS = pytest.mark.parametrize("path", [pytest.param("compiled", marks=needs_kernels), "composed"])


@pytest.fixture(params=["graph", "pynative"])
def _mode(request) -> Iterator[None]:
    ms.set_context(mode=ms.GRAPH_MODE if request.param == "graph" else ms.PYNATIVE_MODE)
    yield
    ms.set_context(mode=ms.GRAPH_MODE)


def attention(case: Attending, path: str) -> SoftmaxAttention:
    cell = SoftmaxAttention(case.heads, case.dim)
    assert cell.uses_kernel or path == "composed"
    cell.uses_kernel = path == "compiled"
    return cell


def tensors(case: Attending) -> list[Tensor | None]:
    return [None if array is NOTHING else Tensor(array) for array in case.inputs()]


@PATHS
@pytest.mark.usefixtures("_mode")
@pytest.mark.parametrize("case", [PLAIN, CAUSAL, WINDOWS, OWN_BIAS], ids=str)
def test_equals_float64(case, path):
    qkv, scale, bias, mask, dout = tensors(case)
    cell = attention(case, path)

    def weighted(qkv, scale, bias):
        output = cell(qkv, scale, bias, mask)
        return (output * dout).sum(), output

    by = (0, 1) if bias is None else (0, 1, 2)
    (_, out), gradients = ops.value_and_grad(weighted, by, None, has_aux=True)(qkv, scale, bias)
    names = ("dqkv", "dscale", "dbias")
    found = {"out": out.asnumpy()} | {n: g.asnumpy() for n, g in zip(names, gradients)}
    assert_agrees(found, case.expected)


@needs_kernels
@pytest.mark.usefixtures("_mode")
@pytest.mark.parametrize("case", [PLAIN, WINDOWS, OWN_BIAS], ids=str)
def test_a_bias_that_does_not_train_changes_nothing_else(case):
    qkv, scale, bias, mask, dout = tensors(case)
    cell = attention(case, "compiled")
    cell.bias_trains = False

    def weighted(qkv, scale):
        output = cell(qkv, scale, bias, mask)
        return (output * dout).sum(), output

    (_, out), (dqkv, dscale) = ops.value_and_grad(weighted, (0, 1), None, has_aux=True)(qkv, scale)
    found = {"out": out.asnumpy(), "dqkv": dqkv.asnumpy(), "dscale": dscale.asnumpy()}
    assert_agrees(found, case.expected)


@needs_kernels
@pytest.mark.parametrize(("trains", "shape"), [(True, (1, 3, 9, 9)), (False, (1,))])
def test_what_the_kernel_is_given_as_a_bias(trains, shape):
    """The gradient of the bias has its shape: one number, where none is wanted."""
    qkv, scale, bias, mask, _ = tensors(WINDOWS)
    cell = attention(WINDOWS, "compiled")
    cell.bias_trains = trains
    seen, kernel = [], cell.kernel

    def spy(qkv, scale, bias, mask):
        seen.append(bias.shape)
        return kernel(qkv, scale, bias, mask)

    object.__setattr__(cell, "kernel", spy)
    ms.set_context(mode=ms.PYNATIVE_MODE)
    try:
        cell(qkv, scale, bias, mask)
    finally:
        ms.set_context(mode=ms.GRAPH_MODE)
    assert seen == [shape]


@needs_kernels
def test_the_weights_on_request_are_those_of_the_kernel():
    qkv, scale, bias, mask, _ = tensors(WINDOWS)
    cell = attention(WINDOWS, "compiled")
    weights, v = cell.weights_and_values(qkv, scale, bias, mask)
    np.testing.assert_allclose(weights.asnumpy().sum(-1), 1, rtol=1e-5)
    found = cell.mix(weights, v).asnumpy()
    np.testing.assert_allclose(found, cell(qkv, scale, bias, mask).asnumpy(), atol=2e-6)


def test_fewer_queries_than_keys_can_be_mixed():
    qkv, scale, *_ = tensors(PLAIN)
    cell = attention(PLAIN, "composed")
    weights, v = cell.weights_and_values(qkv, scale)
    first = cell.mix(weights[:, :, :1], v).asnumpy()
    np.testing.assert_allclose(first, cell(qkv, scale).asnumpy()[:, :1], atol=1e-6)


@PATHS
def test_sample_b_takes_group_b_mod_g(path):
    """Only the group's own key is left over: the output is its value."""
    cell = attention(Attending(4, 3, 1, 2), path)
    qkv, scale, _, _, _ = Attending(4, 3, 1, 2).inputs()
    mask = np.full((2, 1, 3, 3), -np.inf, np.float32)
    mask[0, ..., 1], mask[1, ..., 2] = 0, 0
    found = cell(Tensor(qkv), Tensor(scale), None, Tensor(mask)).asnumpy()
    for sample, key in enumerate((1, 2, 1, 2)):
        value = qkv[sample, key, 4:]
        np.testing.assert_allclose(found[sample], np.tile(value, (3, 1)), rtol=1e-6)


@PATHS
def test_half_precision_comes_back_as_it_came(path):
    qkv, scale, *_ = tensors(PLAIN)
    cell = attention(PLAIN, path)
    half = cell(ops.cast(qkv, ms.float16), scale)
    assert half.dtype == ms.float16
    full = cell(qkv, scale).asnumpy()
    np.testing.assert_allclose(half.asnumpy().astype(np.float32), full, atol=5e-3)


def test_composed_is_what_files_hold():
    cell = SoftmaxAttention(2, 5)
    with composed(cell):
        assert not cell.uses_kernel


def test_a_copy_attends_too():
    """Block Expansion copies blocks."""
    cell = SoftmaxAttention(2, 5)
    copied = copy.deepcopy(cell)
    qkv, scale, *_ = tensors(PLAIN)
    assert copied is not cell
    np.testing.assert_array_equal(copied(qkv, scale).asnumpy(), cell(qkv, scale).asnumpy())


@needs_kernels
@pytest.mark.usefixtures("_mode")
def test_cells_of_one_process_do_not_share_their_heads():
    """In turn, on equal shapes: MindSpore keeps shapes by the kernel's name and its inputs'."""
    rng = np.random.default_rng(0)
    qkv = rng.standard_normal((2, 4, 36)).astype(np.float32)
    for _ in range(2):
        for heads in (1, 2, 3):
            cell = SoftmaxAttention(heads, 12 // heads)
            found = cell(Tensor(qkv), Tensor(np.ones(heads, np.float32))).asnumpy()
            q, k, v = qkv.reshape(2, 4, 3, heads, -1).transpose(2, 0, 3, 1, 4)
            mixed = softmax(q @ k.transpose(0, 1, 3, 2), -1) @ v
            expected = mixed.transpose(0, 2, 1, 3).reshape(2, 4, 12)
            np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@PATHS
@pytest.mark.parametrize(
    ("qkv", "scale", "bias", "message"),
    [
        ((2, 9, 28), (2,), None, r"got tokens \(2, 9, 28\)"),
        ((9, 30), (2,), None, r"expected \(B, N, 30\) and \(2,\)"),
        ((2, 9, 30), (1,), None, r"scale \(1,?\)"),
        ((2, 9, 30), (2,), (2, 9, 9), r"bias or mask \(2, 9, 9\)"),
        ((2, 9, 30), (2,), (1, 3, 9, 9), r"expected \(G, 1, 9, 9\) or \(G, 2, 9, 9\)"),
        ((2, 9, 30), (2,), (1, 2, 9, 8), r"\(1, 2, 9, 8\)"),
    ],
)
def test_shapes_refused(qkv, scale, bias, message, path):
    cell = attention(PLAIN, path)
    term = None if bias is None else Tensor(np.zeros(bias, np.float32))
    with pytest.raises(ValueError, match=message):
        cell(Tensor(np.zeros(qkv, np.float32)), Tensor(np.zeros(scale, np.float32)), term)


@needs_kernels
def test_types_refused():
    with pytest.raises(TypeError, match="attention: got .*expected floats"):
        attention(PLAIN, "compiled")(
            Tensor(np.zeros((2, 9, 30), np.int32)), Tensor(np.zeros(2, np.float32))
        )
