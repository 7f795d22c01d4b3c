"""The C entry points of linear layers against float64."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.agreement import assert_agrees
from ops.arithmetic import Arithmetic
from ops.kernel_caller import Kernels, needs_kernels, refusal
from ops.one_dnn import needs_one_dnn

pytestmark = [needs_kernels, needs_one_dnn]


@dataclass(frozen=True)
class Layer:
    """A call of a linear layer."""

    rows: int
    into: int
    out: int
    has_bias: bool = True

    def inputs(self) -> tuple[np.ndarray, ...]:
        """Rows, weight, bias, gradient of the result."""
        rng = np.random.default_rng([self.rows, self.into, self.out])
        shapes = (self.rows, self.into), (self.out, self.into), (self.out,), (self.rows, self.out)
        return tuple(rng.standard_normal(shape, np.float32) for shape in shapes)

    def found(self, kernels: Kernels) -> dict[str, np.ndarray]:
        x, weight, bias, dy = self.inputs()
        y, dx, dweight, dbias = (np.full_like(one, np.nan) for one in (dy, x, weight, bias))
        if self.has_bias:
            kernels.call("Linear", x, weight, bias, y)
        else:
            kernels.call("LinearWithoutBias", x, weight, y)
        kernels.call("LinearInputGradient", dy, weight, dx)
        kernels.call("LinearWeightGradient", dy, x, dweight)
        kernels.call("RowsSum", dy, dbias)
        return {"y": y, "dx": dx, "dweight": dweight, "dbias": dbias}

    def expected(self, at: Arithmetic) -> dict[str, np.ndarray]:
        x, weight, bias, dy = (one.astype(np.float64) for one in self.inputs())
        y = at.product(x, weight.T)
        return {
            "y": at.rounded(y + bias) if self.has_bias else y,
            "dx": at.product(dy, weight),
            "dweight": at.product(dy.T, x),
            "dbias": at.total(dy, (0,))[0],
        }


@st.composite
def layers(draw: st.DrawFn) -> Layer:
    into, out = draw(st.integers(1, 800)), draw(st.integers(1, 800))
    rows = draw(st.integers(1, max(1, 4_000_000 // (into * out))))
    return Layer(rows, into, out, draw(st.booleans()))


@settings(max_examples=40, deadline=None)
@given(case=layers())
def test_linear_layer(case):
    assert_agrees(case.found(Kernels()), case.expected)


@pytest.mark.parametrize(
    "case", [Layer(197, 96, 400), Layer(401, 20, 790, has_bias=False), Layer(1, 5, 3)], ids=str
)
def test_the_number_of_threads_changes_no_bit(case):
    expected = case.found(Kernels(threads=1))
    for threads in (2, 3):
        for name, values in case.found(Kernels(threads=threads)).items():
            np.testing.assert_array_equal(values, expected[name], err_msg=name)


def _zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


@pytest.mark.parametrize(
    ("symbol", "arrays", "message"),
    [
        ("Linear", [_zeros(2, 5), _zeros(3, 4), _zeros(3), _zeros(2, 3)], "of argument 1"),
        ("Linear", [_zeros(2, 5), _zeros(3, 5), _zeros(4), _zeros(2, 3)], "of argument 2"),
        ("LinearWithoutBias", [_zeros(2, 5), _zeros(3, 5), _zeros(2, 4)], "of argument 2"),
        ("LinearWithoutBias", [_zeros(0, 5), _zeros(3, 5), _zeros(0, 3)], "at least one row"),
        ("LinearInputGradient", [_zeros(2, 3), _zeros(4, 5), _zeros(2, 5)], "of argument 1"),
        ("LinearWeightGradient", [_zeros(2, 3), _zeros(3, 5), _zeros(3, 5)], "of argument 1"),
        ("RowsSum", [_zeros(2, 3), _zeros(2)], "of argument 1"),
    ],
)
def test_what_is_refused(symbol, arrays, message):
    found = refusal(symbol, *arrays)
    assert f"{symbol}: expected " in found
    assert message in found
