"""The operators through MindSpore: compiled path, composed path and float64 agree."""

from __future__ import annotations

from collections.abc import Iterator

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn, ops

from golden import assert_golden, fill, golden_input
from mindtune.heads.moment import MomentHead
from mindtune.ops import HeadCrossCovariance, MomentPooling, SquareRootCovariance, composed
from ops.agreement import assert_agrees
from ops.kernel_caller import needs_kernels
from ops.kernel_cases import Cross, Pooling, SquareRoot

POOLING = Pooling(3, 21, 10, 4, [(0, 1), (1, 2), (2, 3)])
STRIDED = Pooling(3, 21, 10, 4, [(3, 0), (1, 1)], "strided", "channel")
UNCENTRED = Pooling(2, 13, 8, 2, [(0, 1)], "strided", "none")
CROSS = Cross(2, 21, 10, 3, [(0, 1), (2, 1)])
ROOT = SquareRoot(3, 40, 10)
ONE_STEP = SquareRoot(2, 40, 6, steps=1)
CASES = [POOLING, STRIDED, UNCENTRED, CROSS, ROOT, ONE_STEP]


@pytest.fixture(params=["graph", "pynative"])
def _mode(request) -> Iterator[None]:
    ms.set_context(mode=ms.GRAPH_MODE if request.param == "graph" else ms.PYNATIVE_MODE)
    yield
    ms.set_context(mode=ms.GRAPH_MODE)


def operator(case: Pooling | Cross | SquareRoot) -> nn.Cell:
    if isinstance(case, Pooling):
        return MomentPooling(case.heads, case.pairs, case.split, case.centering, 1e-5)
    if isinstance(case, Cross):
        return HeadCrossCovariance(case.pairs)
    return SquareRootCovariance(case.dim, case.steps)


def differentiated(cell: nn.Cell, *arrays: np.ndarray) -> tuple[np.ndarray, ...]:
    """Output, then gradients by all inputs of its inner product with the last array."""
    *inputs, weights = (Tensor(array) for array in arrays)

    def weighted(*inputs: Tensor) -> tuple[Tensor, Tensor]:
        output = cell(*inputs)
        return (output * weights).sum(), output

    differentiate = ops.value_and_grad(weighted, tuple(range(len(inputs))), None, has_aux=True)
    (_, output), gradients = differentiate(*inputs)
    gradients = gradients if isinstance(gradients, tuple) else (gradients,)
    return tuple(result.asnumpy() for result in (output, *gradients))


def named(case: Pooling | Cross | SquareRoot, results: tuple) -> dict[str, np.ndarray]:
    names = {
        Pooling: ("maps", "dtokens", "dweight", "dbias"),
        Cross: ("maps", "dheads"),
        SquareRoot: ("triangles", "dtokens"),
    }
    return dict(zip(names[type(case)], results))


@needs_kernels
@pytest.mark.usefixtures("_mode")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_compiled_path_equals_float64(case):
    cell = operator(case)
    assert cell.uses_kernel
    assert_agrees(named(case, differentiated(cell, *case.inputs())), case.expected)


@pytest.mark.usefixtures("_mode")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_composed_path_equals_float64(case):
    cell = operator(case)
    with composed(cell):
        found = differentiated(cell, *case.inputs())
    assert_agrees(named(case, found), case.expected)


@needs_kernels
@pytest.mark.usefixtures("_mode")
def test_operators_of_one_process_do_not_share_their_options():
    """In turn, on equal shapes: MindSpore keeps shapes by the kernel's name and its inputs'."""
    cases = [
        Pooling(2, 9, 6, 2, pairs, split, centering)
        for pairs, split, centering in [
            ([(0, 1)], "contiguous", "scalar"),
            ([(0, 1)], "strided", "none"),
            ([(0, 1), (1, 0), (1, 1)], "contiguous", "scalar"),
            ([(1, 0)], "contiguous", "channel"),
        ]
    ]
    cases += [SquareRoot(2, 9, 6, steps) for steps in (1, 3, 2)]
    cells = [operator(case) for case in cases]
    for _ in range(2):
        for case, cell in zip(cases, cells):
            *inputs, _ = case.inputs()
            output = cell(*(Tensor(array) for array in inputs)).asnumpy()
            assert_agrees({"maps" if len(inputs) > 1 else "triangles": output}, case.expected)


@needs_kernels
@pytest.mark.usefixtures("_mode")
def test_views_that_are_not_contiguous():
    tokens, *others = POOLING.inputs()
    cell = operator(POOLING)
    expected = cell(*(Tensor(array) for array in (tokens, *others[:2]))).asnumpy()
    wide = np.zeros((42, 3, 41), np.float32)  # every other token, all channels but the first
    wide[::2, :, 1:] = tokens.transpose(1, 0, 2)
    view = ops.transpose(Tensor(wide), (1, 0, 2))[:, ::2, 1:]
    found = cell(view, *(Tensor(array) for array in others[:2])).asnumpy()
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("path", ["compiled", "composed"])
@pytest.mark.parametrize("case", [POOLING, CROSS, ROOT], ids=str)
def test_half_precision_is_computed_in_float32(case, path):
    first, *others, weights = case.inputs()
    first = first.astype(np.float16)
    cell = operator(case)
    cell.uses_kernel = cell.uses_kernel and path == "compiled"
    half = differentiated(cell, first, *others, weights)
    full = differentiated(cell, first.astype(np.float32), *others, weights)
    assert half[0].dtype == np.float32
    np.testing.assert_array_equal(half[0], full[0])
    assert half[1].dtype == np.float16
    np.testing.assert_array_equal(half[1], full[1].astype(np.float16))


@pytest.mark.parametrize("path", ["compiled", "composed"])
def test_bfloat16_is_computed_in_float32(path):
    tokens, _ = ROOT.inputs()
    cell = operator(ROOT)
    cell.uses_kernel = cell.uses_kernel and path == "compiled"
    rounded = ops.cast(Tensor(tokens), ms.bfloat16)
    found, expected = cell(rounded), cell(ops.cast(rounded, ms.float32))
    assert found.dtype == ms.float32
    np.testing.assert_array_equal(found.asnumpy(), expected.asnumpy())


@needs_kernels
@pytest.mark.parametrize("case", [POOLING, CROSS, ROOT], ids=str)
def test_gradients_are_the_slopes_of_the_output(case):
    *inputs, weights = case.inputs()
    cell = operator(case)
    rng = np.random.default_rng(7)

    def along(step: float, directions: list[np.ndarray]) -> float:
        moved = [x + np.float32(step) * v for x, v in zip(inputs, directions)]
        output = cell(*(Tensor(x) for x in moved)).asnumpy()
        return float((output.astype(np.float64) * weights).sum())

    _, *gradients = differentiated(cell, *inputs, weights)
    for i, gradient in enumerate(gradients):
        directions = [np.zeros_like(x) for x in inputs]
        directions[i] = rng.standard_normal(inputs[i].shape).astype(np.float32)
        slope = (along(1e-2, directions) - along(-1e-2, directions)) / 2e-2
        size = np.linalg.norm(gradient) * np.linalg.norm(directions[i])
        assert abs(slope - float((gradient * directions[i]).sum())) <= 2e-3 * size


@pytest.mark.parametrize("path", ["compiled", "composed"])
def test_golden_logits_on_both_paths(path):
    head = MomentHead(768, 10)
    fill(head)
    head.pooling.uses_kernel = head.pooling.uses_kernel and path == "compiled"
    logits = head(golden_input("tokens", (2, 197, 768)), golden_input("cls", (2, 768)))
    assert_golden(logits, "Moment_Probing_ViT(in_dim=768,K=10)")
