"""The C entry point PrototypeRows against float64."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.agreement import assert_agrees
from ops.kernel_caller import INSTRUCTION_SETS, Kernels, needs_kernels, refusal
from ops.one_dnn import needs_one_dnn
from ops.prototype_cases import PrototypeRows, prototype_rows

pytestmark = [needs_kernels, needs_one_dnn]

SEVERAL_PIECES = PrototypeRows(300, 200, 900, 1100, 70)


@settings(max_examples=60, deadline=None)
@given(
    case=prototype_rows(),
    instruction_set=st.sampled_from(INSTRUCTION_SETS),
    fresh=st.booleans(),
)
def test_loss_and_gradients(case, instruction_set, fresh) -> None:
    assert_agrees(case.found(Kernels(instruction_set, fresh=fresh)), case.expected)


@pytest.mark.parametrize("instruction_set", INSTRUCTION_SETS)
def test_several_pieces_of_several_parts(instruction_set) -> None:
    assert_agrees(SEVERAL_PIECES.found(Kernels(instruction_set)), SEVERAL_PIECES.expected)


def test_the_number_of_threads_changes_no_bit() -> None:
    expected = SEVERAL_PIECES.found(Kernels(threads=1))
    for threads in (2, 3):
        for name, values in SEVERAL_PIECES.found(Kernels(threads=threads)).items():
            np.testing.assert_array_equal(values, expected[name], err_msg=name)


def test_logits_far_below_the_largest_and_below_zero() -> None:
    """Of one prototype near and one far, whose probability is nothing; none is above zero."""
    x = np.array([[-1.0, 0.0]], np.float32)
    w = np.array([[0.01, 0.0], [1.0, 0.0], [0.02, 0.0]], np.float32)
    temp, rows, one = np.array([0.01], np.float32), np.zeros(1, np.int32), np.ones(1, np.float32)
    outputs = [np.full(shape, np.nan, np.float32) for shape in ((1,), (1, 2), (3, 2))]
    centre = np.zeros((1, 3), np.float32)
    Kernels().call("PrototypeRows", x, w, x, w, centre, temp, temp, rows, rows, one, *outputs)
    p = np.exp([-1.0, -2.0]) / np.exp([-1.0, -2.0]).sum()
    np.testing.assert_allclose(outputs[0], -np.sum(p * np.log(p)), rtol=1e-5)
    np.testing.assert_allclose(outputs[1], 0, atol=1e-4)


def test_no_pair_counts() -> None:
    inputs = list(PrototypeRows(3, 3, 5, 20, 4).inputs())
    inputs[-1] = np.zeros(5, np.float32)
    outputs = [np.full(shape, np.nan, np.float32) for shape in ((1,), (3, 4), (20, 4))]
    Kernels().call("PrototypeRows", *inputs, *outputs)
    assert not any(output.any() for output in outputs)


def zeros(*shape: int, dtype: type = np.float32) -> np.ndarray:
    return np.zeros(shape, dtype)


@pytest.mark.parametrize(
    ("position", "wrong", "message"),
    [
        (0, zeros(3, 5), "another shape of argument 1"),
        (0, zeros(3, 4, dtype=np.float64), "float32 as argument 0"),
        (1, zeros(0, 4), "at least one channel and prototype"),
        (2, zeros(2, 3), "another shape of argument 2"),
        (3, zeros(19, 4), "another shape of argument 3"),
        (4, zeros(20, 1), "another shape of argument 4"),
        (5, zeros(2), "another shape of argument 5"),
        (6, zeros(1), "temperatures above 0"),
        (7, zeros(5), "int32 as argument 7"),
        (7, np.full(5, 3, np.int32), "rows that there are"),
        (8, np.full(5, -1, np.int32), "rows that there are"),
        (8, zeros(6, dtype=np.int32), "another shape of argument 8"),
        (10, zeros(2), "another shape of argument 10"),
        (11, zeros(2, 4), "another shape of argument 11"),
        (12, zeros(20, 3), "another shape of argument 12"),
    ],
)
def test_what_is_refused(position, wrong, message) -> None:
    arguments = [*PrototypeRows(3, 3, 5, 20, 4).inputs(), zeros(1), zeros(3, 4), zeros(20, 4)]
    arguments[position] = wrong
    said = refusal("PrototypeRows", *arguments)
    assert "PrototypeRows: expected " in said
    assert message in said
