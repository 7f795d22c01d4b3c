"""What the C entry points refuse, argument by argument."""

from __future__ import annotations

import numpy as np
import pytest

from ops.kernel_caller import EPS, needs_kernels, refusal

pytestmark = needs_kernels


def zeros(*shape: int, dtype: type = np.float32) -> np.ndarray:
    return np.zeros(shape, dtype)


def ints(*values: int) -> np.ndarray:
    return np.array(values, np.int32)


TOKENS, WEIGHT, PLAN = zeros(2, 5, 15), zeros(5), ints(0, 1, 0, 1, 1, 2)
MAPS, NORMS, TRIANGLES, ITERATES = (2, 2, 5, 5), (2, 2, 5), (2, 21), (2, 9, 6, 6)
TAPS = zeros(3, 3, 3, 3)
ROOT_TOKENS, HEADS = zeros(2, 5, 6), zeros(2, 3, 5, 5)


@pytest.mark.parametrize(
    ("inputs", "outputs", "message"),
    [
        ([TOKENS, WEIGHT, WEIGHT, PLAN], [MAPS, NORMS], "7 arguments"),
        ([TOKENS, zeros(4), zeros(4), PLAN, EPS], [MAPS, NORMS], "channels of a head divide"),
        ([TOKENS, zeros(0), zeros(0), PLAN, EPS], [MAPS, NORMS], "channels of a head divide"),
        ([TOKENS, WEIGHT, zeros(6), PLAN, EPS], [MAPS, NORMS], "another shape of argument 2"),
        ([zeros(2, 0, 15), WEIGHT, WEIGHT, PLAN, EPS], [MAPS, NORMS], "at least one sample"),
        ([zeros(10, 15), WEIGHT, WEIGHT, PLAN, EPS], [MAPS, NORMS], "3 dimensions of argument 0"),
        (
            [zeros(2, 5, 15, dtype=np.float16), WEIGHT, WEIGHT, PLAN, EPS],
            [MAPS, NORMS],
            "float32 as argument 0, got float16",
        ),
        (
            [TOKENS, WEIGHT, WEIGHT, np.array(7, np.int32), EPS],
            [MAPS, NORMS],
            "1 dimensions of argument 3",
        ),
        ([TOKENS, WEIGHT, WEIGHT, EPS, EPS], [MAPS, NORMS], "int32 as argument 3"),
        ([TOKENS, WEIGHT, WEIGHT, ints(0, 1, 0), EPS], [MAPS, NORMS], "two heads a pair"),
        ([TOKENS, WEIGHT, WEIGHT, ints(0, 1), EPS], [MAPS, NORMS], "two heads a pair"),
        ([TOKENS, WEIGHT, WEIGHT, ints(0, 1, 0, 3), EPS], [MAPS, NORMS], "pairs of known heads"),
        ([TOKENS, WEIGHT, WEIGHT, ints(0, 1, -1, 0), EPS], [MAPS, NORMS], "pairs of known heads"),
        ([TOKENS, WEIGHT, WEIGHT, ints(0, 3, 0, 1), EPS], [MAPS, NORMS], "centring 0, 1 or 2"),
        ([TOKENS, WEIGHT, WEIGHT, PLAN, WEIGHT], [MAPS, NORMS], "another shape of argument 4"),
        ([TOKENS, WEIGHT, WEIGHT, PLAN, EPS], [MAPS, (2, 2, 4)], "another shape of argument 6"),
        ([TOKENS, WEIGHT, WEIGHT, PLAN, EPS], [(2, 1, 5, 5), NORMS], "shape of argument 5"),
    ],
)
def test_arguments_of_moment_pooling(inputs, outputs, message):
    found = refusal("MomentPooling", *inputs, *(zeros(*shape) for shape in outputs))
    assert "MomentPooling: expected " in found
    assert message in found


@pytest.mark.parametrize(
    ("symbol", "inputs", "outputs", "message"),
    [
        ("CrossCovariance", [HEADS], [MAPS], "3 arguments"),
        ("CrossCovariance", [HEADS, ints(0, 3)], [MAPS], "pairs of known heads"),
        ("CrossCovariance", [zeros(2, 3, 0, 5), ints(0, 1)], [MAPS], "at least one sample"),
        ("CrossCovariance", [HEADS, ints(0, 1)], [MAPS], "another shape of argument 2"),
        (
            "CrossCovarianceGradient",
            [HEADS, ints(0, 1), zeros(2, 1, 5, 5)],
            [(2, 3, 5, 4)],
            "another shape of argument 3",
        ),
        (
            "MomentPoolingGradient",
            [TOKENS, WEIGHT, WEIGHT, PLAN, EPS, zeros(*MAPS), zeros(*NORMS), zeros(2, 2, 5, 4)],
            [(2, 5, 15), (5,), (5,)],
            "another shape of argument 7",
        ),
        (
            "MomentPoolingGradient",
            [TOKENS, WEIGHT, WEIGHT, PLAN, EPS, zeros(*MAPS), zeros(*NORMS), zeros(*MAPS)],
            [(2, 5, 15), (5,), (4,)],
            "another shape of argument 10",
        ),
        ("SquareRootCovariance", [ROOT_TOKENS, ints(0)], [TRIANGLES, (2, 8, 6, 6)], "whole steps"),
        ("SquareRootCovariance", [ROOT_TOKENS, ints(0)], [(2, 36), ITERATES], "argument 2"),
        ("SquareRootCovariance", [zeros(2, 0, 6), ints(0)], [TRIANGLES, ITERATES], "at least one"),
        ("ShrinkMaps", [zeros(2, 3, 6, 6), TAPS, TAPS], [(2, 3, 1, 1)], "map of 7 x 7"),
        ("ShrinkMaps", [zeros(2, 3, 9, 8), TAPS, TAPS], [(2, 3, 1, 1)], "shape of argument 0"),
        ("ShrinkMaps", [zeros(2, 2, 9, 9), TAPS, TAPS], [(2, 2, 1, 1)], "shape of argument 1"),
        ("ShrinkMaps", [zeros(2, 3, 9, 9), TAPS, TAPS], [(2, 3, 2, 2)], "shape of argument 3"),
        (
            "ShrinkMapsGradient",
            [zeros(2, 3, 9, 9), TAPS, TAPS, zeros(2, 3, 1, 1)],
            [(2, 3, 9, 9), (3, 3, 3, 3), (3, 3, 9)],
            "another shape of argument 6",
        ),
        (
            "SquareRootCovarianceGradient",
            [ROOT_TOKENS, zeros(*TRIANGLES), zeros(*ITERATES), zeros(2, 20)],
            [(2, 5, 6)],
            "another shape of argument 3",
        ),
    ],
)
def test_arguments_of_the_others(symbol, inputs, outputs, message):
    found = refusal(symbol, *inputs, *(zeros(*shape) for shape in outputs))
    assert f"{symbol}: expected " in found
    assert message in found
