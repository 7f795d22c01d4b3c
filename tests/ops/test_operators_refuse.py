"""What the operators refuse: in Python by shape and type, and in C++ argument by argument."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn

from mindtune.errors import ConfigError
from mindtune.ops import HeadCrossCovariance, MomentPooling, SquareRootCovariance, kernel_library
from ops.kernel_caller import INSTRUCTION_SETS, needs_kernels

PAIRS = [(0, 1), (1, 2)]
pooling = partial(MomentPooling, 3, PAIRS, "contiguous", "scalar", 1e-5)


def zeros(*shape: int, dtype: type = np.float32) -> Tensor:
    return Tensor(np.zeros(shape, dtype))


@pytest.fixture(params=["graph", "pynative"])
def _mode(request) -> Iterator[None]:
    ms.set_context(mode=ms.GRAPH_MODE if request.param == "graph" else ms.PYNATIVE_MODE)
    yield
    ms.set_context(mode=ms.GRAPH_MODE)


@pytest.mark.usefixtures("_mode")
@pytest.mark.parametrize("path", ["compiled", "composed"])
@pytest.mark.parametrize(
    ("make", "inputs", "message"),
    [
        (pooling, [zeros(2, 5, 14), zeros(5), zeros(5)], r"\(2, 5, 14\).*expected \(B, N, 15\)"),
        (pooling, [zeros(2, 0, 15), zeros(5), zeros(5)], "with N >= 1"),
        (pooling, [zeros(5, 15), zeros(5), zeros(5)], r"got tokens \(5, 15\)"),
        (partial(HeadCrossCovariance, PAIRS), [zeros(2, 2, 5, 4)], "with H >= 3"),
        (partial(HeadCrossCovariance, PAIRS), [zeros(2, 3, 0, 4)], "N >= 1"),
        (partial(HeadCrossCovariance, PAIRS), [zeros(3, 5, 4)], r"got heads \(3, 5, 4\)"),
        (partial(SquareRootCovariance, 6), [zeros(2, 5, 7)], r"expected \(B, N, 6\)"),
        (partial(SquareRootCovariance, 6), [zeros(2, 1, 6)], "with N >= 2"),
        (partial(SquareRootCovariance, 6), [zeros(5, 6)], r"got tokens \(5, 6\)"),
    ],
)
def test_shapes(make, inputs, message, path):
    cell = make()
    cell.uses_kernel = cell.uses_kernel and path == "compiled"
    with pytest.raises(ValueError, match=message):
        cell(*inputs)


@pytest.mark.usefixtures("_mode")
@pytest.mark.parametrize("dtype", [np.int32, np.float64])
@pytest.mark.parametrize(
    ("make", "inputs"),
    [
        (pooling, [(2, 5, 15), (5,), (5,)]),
        (partial(HeadCrossCovariance, PAIRS), [(2, 3, 5, 4)]),
        (partial(SquareRootCovariance, 6), [(2, 5, 6)]),
    ],
    ids=["pooling", "cross", "root"],
)
def test_types(make, inputs, dtype):
    with pytest.raises(TypeError, match="second-order pooling: got .*expected floats"):
        make()(*(zeros(*shape, dtype=dtype) for shape in inputs))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MomentPooling(2, [(0, 2)], "strided", "none", 1e-5), "expected heads 0 to 1"),
        (lambda: MomentPooling(2, [(-1, 1)], "strided", "none", 1e-5), "of heads from 0 on"),
        (lambda: MomentPooling(2, [], "strided", "none", 1e-5), r"got pairs \[\]"),
        (lambda: MomentPooling(2, [(0, 1)], "stride", "none", 1e-5), "did you mean 'strided'"),
        (lambda: MomentPooling(2, [(0, 1)], "strided", "median", 1e-5), "centering: got 'median'"),
        (lambda: HeadCrossCovariance([(-1, 0)]), "of heads from 0 on"),
        (lambda: HeadCrossCovariance([]), r"got pairs \[\]"),
        (lambda: SquareRootCovariance(0), "got dim 0"),
        (lambda: SquareRootCovariance(6, 0), "iterations 0"),
    ],
)
def test_options(make, message):
    with pytest.raises(ValueError, match=message):
        make()


class Raw(nn.Cell):
    """The C entry point as MindSpore calls it, without the checks in Python before it."""

    def __init__(self) -> None:
        super().__init__()
        library = kernel_library.find_library("CPU")
        self.kernel = kernel_library.compiled(
            library, "CrossCovariance", lambda heads, plan: heads, lambda heads, plan: heads
        )

    def construct(self, heads: Tensor, plan: Tensor) -> Tensor:
        return self.kernel(heads, plan)


@needs_kernels
def test_what_the_kernels_refuse_is_an_error_in_python(monkeypatch):
    with pytest.raises(RuntimeError, match="CrossCovariance: expected pairs of known heads"):
        Raw()(zeros(2, 3, 5, 5), Tensor(np.array([0, 3], np.int32))).asnumpy()
    monkeypatch.setenv("MINDTUNE_INSTRUCTION_SET", "mmx")
    with pytest.raises(RuntimeError, match="MINDTUNE_INSTRUCTION_SET: got mmx"):
        Raw()(zeros(2, 3, 5, 5), Tensor(np.array([0, 2], np.int32))).asnumpy()


@needs_kernels
def test_an_instruction_set_that_the_processor_lacks(monkeypatch):
    monkeypatch.delenv("MINDTUNE_INSTRUCTION_SET", raising=False)
    assert kernel_library.instruction_set() == INSTRUCTION_SETS[-1]
    monkeypatch.setenv("MINDTUNE_INSTRUCTION_SET", "mmx")
    with pytest.raises(ConfigError, match="MINDTUNE_INSTRUCTION_SET: got 'mmx'"):
        kernel_library.instruction_set()
