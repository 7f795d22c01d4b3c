"""The C entry points against float64, for every instruction set of this processor."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from ops.agreement import assert_agrees
from ops.kernel_caller import INSTRUCTION_SETS, Kernels, needs_kernels
from ops.kernel_cases import (
    Cross,
    Pooling,
    Shrink,
    SquareRoot,
    crosses,
    kernels,
    poolings,
    shrinks,
    square_roots,
)
from ops.pooling_reference import pairs_of

pytestmark = needs_kernels

on_every_instruction_set = pytest.mark.parametrize("instruction_set", INSTRUCTION_SETS)
PAPER = [(0, 1), (1, 2), (2, 3)]


@settings(max_examples=80, deadline=None)
@given(kernels=kernels, case=poolings())
def test_moment_pooling(kernels, case):
    assert_agrees(case.found(kernels), case.expected)


@settings(max_examples=40, deadline=None)
@given(kernels=kernels, case=crosses())
def test_cross_covariance(kernels, case):
    assert_agrees(case.found(kernels), case.expected)


@settings(max_examples=50, deadline=None)
@given(kernels=kernels, case=square_roots())
def test_square_root_covariance(kernels, case):
    assert_agrees(case.found(kernels), case.expected)


@settings(max_examples=40, deadline=None)
@given(kernels=kernels, case=shrinks())
def test_map_shrinking(kernels, case):
    assert_agrees(case.found(kernels), case.expected)


@on_every_instruction_set
@pytest.mark.parametrize(
    "case",
    [
        Pooling(2, 196, 128, 4, PAPER),
        Pooling(2, 196, 128, 4, PAPER, "strided", "channel"),
        Pooling(1, 600, 160, 2, [(0, 1)], centering="none"),
        Pooling(1, 600, 9, 8, pairs_of("all", 8), "strided", "scalar"),
        Pooling(2, 600, 21, 2, [(0, 1)], centering="channel"),
        Pooling(64, 9, 12, 3, [(0, 1), (0, 2), (1, 2)], offset=1),
        Cross(2, 197, 64, 6, [(0, 1), (2, 3), (4, 5)]),
        SquareRoot(2, 196, 128),
        SquareRoot(1, 600, 40, offset=1),
        SquareRoot(9, 70, 33, steps=1, offset=1),
        Shrink(2, 3, 128),
    ],
    ids=str,
)
def test_sizes_of_use(instruction_set, case):
    assert_agrees(case.found(Kernels(instruction_set, threads=2)), case.expected)


@on_every_instruction_set
@pytest.mark.parametrize("dim", range(1, 41))
def test_every_remainder_of_a_vector(instruction_set, dim):
    kernels = Kernels(instruction_set, fresh=True)
    centering = ("none", "scalar", "channel")[dim % 3]
    split = ("contiguous", "strided")[dim % 2]
    for case in (
        Shrink(2, 2, 6 + dim),
        Pooling(2, 7 + dim % 8, dim, 2, [(0, 1)], split, centering),
        Cross(2, 7 + dim % 8, dim, 2, [(1, 0)]),
        SquareRoot(2, 7 + dim % 8, dim),
    ):
        assert_agrees(case.found(kernels), case.expected)


@on_every_instruction_set
def test_the_instruction_set_asked_for_is_run(instruction_set):
    assert Kernels(instruction_set).name() == instruction_set
