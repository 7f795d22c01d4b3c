"""The C entry points of convolutions against float64."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from ops.agreement import assert_agrees
from ops.convolution_cases import Convolution, convolutions
from ops.kernel_caller import Kernels, needs_kernels, refusal
from ops.one_dnn import needs_one_dnn

pytestmark = [needs_kernels, needs_one_dnn]


@settings(max_examples=60, deadline=None)
@given(case=convolutions())
def test_convolution(case):
    assert_agrees(case.found(Kernels()), case.expected)


LARGE = [
    Convolution(2, 30, 31, 64, 70, kernel=3, padding=1),  # several tiles a map
    Convolution(3, 9, 8, 400, 20, kernel=3, stride=2, padding=1),  # two parts of channels
    Convolution(1, 40, 40, 3, 16, kernel=7, stride=2, padding=3),
]


@pytest.mark.parametrize("case", LARGE, ids=str)
def test_more_than_one_tile(case):
    assert_agrees(case.found(Kernels()), case.expected)


@pytest.mark.parametrize("case", LARGE, ids=str)
def test_the_number_of_threads_changes_no_bit(case):
    expected = case.found(Kernels(threads=1))
    for threads in (2, 3):
        for name, values in case.found(Kernels(threads=threads)).items():
            np.testing.assert_array_equal(values, expected[name], err_msg=name)


def _zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


def _geometry(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.int32)


MAPS, WEIGHT, PLAIN, OUT = _zeros(2, 5, 6, 3), _zeros(4, 3, 3, 3), (1, 1, 3), _zeros(2, 3, 4, 4)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ([MAPS[0], WEIGHT, _geometry(*PLAIN), OUT], "4 dimensions of argument 0"),
        ([MAPS, WEIGHT[..., :2].copy(), _geometry(*PLAIN), OUT], "another shape of argument 1"),
        ([MAPS, WEIGHT[:, :2].copy(), _geometry(*PLAIN), OUT], "another shape of argument 1"),
        ([MAPS, WEIGHT, _geometry(1, 3), OUT], "3 dimensions of argument 2"),
        ([MAPS, WEIGHT, _geometry(0, 1, 3), OUT], "a stride, and padding of 0 at least"),
        ([MAPS, WEIGHT, _geometry(1, 0, 3), OUT], "a stride, and padding of 0 at least"),
        ([MAPS, WEIGHT, _geometry(1, 2, 3), OUT], "another shape of argument 3"),
        ([MAPS, _zeros(4, 7, 7, 3), _geometry(1, 1, 7), OUT], "maps no smaller than a window"),
        ([_zeros(0, 5, 6, 3), WEIGHT, _geometry(*PLAIN), OUT], "at least one pixel"),
        ([MAPS.astype(np.float64), WEIGHT, _geometry(*PLAIN), OUT], "float32 as argument 0"),
    ],
)
def test_what_is_refused(arrays, message):
    found = refusal("Convolution", *arrays)
    assert "Convolution: expected " in found
    assert message in found


def test_gradients_of_other_shapes_are_refused():
    short = _zeros(2, 4, 6, 3)
    found = refusal("ConvolutionInputGradient", OUT, WEIGHT, _geometry(*PLAIN), MAPS, short)
    assert "another shape of argument 4" in found
    wide = _zeros(4, 3, 3, 4)
    found = refusal("ConvolutionWeightGradient", OUT, MAPS, _geometry(*PLAIN), wide)
    assert "another shape of argument 3" in found
