"""The C entry points that put numbers elsewhere: nothing else may change, so bits are compared."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from ops.copy_cases import Permutation, WindowCut, permutations, window_cuts
from ops.kernel_caller import Kernels, needs_kernels, refusal

pytestmark = needs_kernels


def assert_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert found.keys() == expected.keys()
    for name, values in found.items():
        np.testing.assert_array_equal(values, expected[name], err_msg=name)


@settings(max_examples=150, deadline=None)
@given(case=permutations() | window_cuts())
def test_copies(case):
    assert_same(case.found(Kernels()), case.expected())


LARGE = [  # enough for several threads
    Permutation((2, 3, 7, 16, 7, 16), (0, 2, 4, 1, 3, 5)),  # patches: runs of a patch's row
    Permutation((2, 8, 2, 9, 2, 80), (0, 1, 3, 4, 2, 5)),
    Permutation((2, 3, 100, 101), (0, 2, 3, 1)),  # channels last: tiles
    Permutation((301, 303), (1, 0)),
    Permutation((5, 60, 7, 40), (3, 2, 1, 0)),
    WindowCut(3, (20, 23), (7, 7), (3, 3), 33),
    WindowCut(2, (14, 14), (7, 7), (0, 0), 96),
]


@pytest.mark.parametrize("case", LARGE, ids=str)
def test_any_number_of_threads_moves_the_same(case):
    for threads in (1, 2, 3):
        assert_same(case.found(Kernels(threads=threads)), case.expected())


def _zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


def _shape(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.int8)


@pytest.mark.parametrize(
    ("symbol", "arrays", "message"),
    [
        ("PermuteAxes", [_zeros(2, 3), _shape(2, 1)], "3 arguments"),
        ("PermuteAxes", [_zeros(2, 3), _shape(2, 1), _zeros(2, 3)], "another shape of argument 2"),
        ("PermuteAxes", [_zeros(2, 3), _shape(2, 2), _zeros(3, 3)], "every axis once"),
        ("PermuteAxes", [_zeros(2, 3), _shape(0, 1), _zeros(3, 2)], "every axis once"),
        ("PermuteAxes", [_zeros(2, 3), _shape(3, 1), _zeros(3, 2)], "every axis once"),
        (
            "PermuteAxes",
            [_zeros(2, 3, 1), _shape(2, 1), _zeros(3, 2)],
            "2 dimensions of argument 0",
        ),
        ("PermuteAxes", [_zeros(2, 3), _shape(2, 1), _zeros(3, 2, 1)], "dimensions of argument 2"),
        ("PermuteAxes", [_zeros(0, 3), _shape(2, 1), _zeros(3, 0)], "at least one number"),
        (
            "PermuteAxes",
            [_zeros(2, 3).astype(np.float64), _shape(2, 1), _zeros(3, 2)],
            "float32 as argument 0",
        ),
        (
            "PermuteAxesGradient",
            [_zeros(3, 2, 4), _shape(2, 1, 3), _zeros(3, 2, 4)],
            "another shape of argument 2",
        ),
    ],
)
def test_what_a_permutation_refuses(symbol, arrays, message):
    found = refusal(symbol, *arrays)
    assert f"{symbol}: expected " in found
    assert message in found


TOKENS, GRID, WINDOW, WINDOWS = _zeros(2, 35, 3), _shape(5, 7), _shape(3, 2, 2, 2), _zeros(16, 6, 3)


@pytest.mark.parametrize(
    ("symbol", "tokens_at", "windows_at"),
    [
        ("SplitWindows", 0, 3),
        ("JoinWindows", 3, 0),
        ("SplitWindowsGradient", 3, 0),
        ("JoinWindowsGradient", 0, 3),
    ],
)
def test_what_windows_refuse(symbol, tokens_at, windows_at):
    def said(
        tokens: np.ndarray = TOKENS,
        grid: np.ndarray = GRID,
        window: np.ndarray = WINDOW,
        windows: np.ndarray = WINDOWS,
    ) -> str:
        arrays = [tokens, grid, window, windows]
        if tokens_at == 3:
            arrays = [windows, grid, window, tokens]
        found = refusal(symbol, *arrays)
        assert f"{symbol}: expected " in found
        return found

    assert f"3 dimensions of argument {tokens_at}" in said(tokens=TOKENS[0])
    assert f"3 dimensions of argument {windows_at}" in said(windows=WINDOWS[0])
    assert "2 dimensions of argument 1" in said(grid=_shape(5, 7, 1))
    assert "4 dimensions of argument 2" in said(window=_shape(3, 2, 2))
    assert "a grid, a window and a shift" in said(grid=_shape(0, 7))
    assert "a grid, a window and a shift" in said(window=_shape(3, 2, 2, 0))
    assert f"another shape of argument {tokens_at}" in said(grid=_shape(5, 6))
    assert f"another shape of argument {windows_at}" in said(windows=_zeros(15, 6, 3))
    assert f"another shape of argument {windows_at}" in said(windows=_zeros(16, 6, 2))
    assert "at least one token" in said(tokens=_zeros(0, 35, 3), windows=_zeros(0, 6, 3))
    wide = TOKENS.astype(np.float64)
    assert f"float32 as argument {tokens_at}" in said(tokens=wide)
