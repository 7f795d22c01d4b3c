"""Windows, their mask and index by brute force over pairs of tokens."""

from __future__ import annotations

import math

import numpy as np
import pytest
from mindspore import Tensor, nn, ops

from mindtune.layers.relative_position import index_with_class_token, relative_position_index
from mindtune.layers.windows import JoinWindows, SplitWindows, Windows, fitting_window
from mindtune.ops import composed
from ops.kernel_caller import needs_kernels

SETTINGS = [  # grid, window, shift
    ((8, 8), (4, 4), (0, 0)),
    ((8, 8), (4, 4), (2, 2)),
    ((5, 7), (3, 2), (1, 1)),
    ((6, 4), (3, 4), (1, 0)),
    ((4, 4), (4, 4), (0, 0)),
]


@pytest.mark.parametrize("path", ["compiled", "composed"])
@pytest.mark.parametrize(("grid", "window", "shift"), SETTINGS)
def test_windows_hold_the_tokens_they_should_and_join_undoes_split(grid, window, shift, path):
    cell = Windows(1, grid, window, shift)
    for part in (cell.split, cell.join):
        part.uses_kernel = part.uses_kernel and path == "compiled"
    numbers = np.arange(1, grid[0] * grid[1] + 1, dtype=np.float32).reshape(1, -1, 1)
    x = np.concatenate([numbers, -numbers])
    windows = cell.split(Tensor(x)).asnumpy()
    assert windows.shape == (2 * cell.count, window[0] * window[1], 1)
    rolled = np.roll(numbers.reshape(grid), (-shift[0], -shift[1]), (0, 1))
    for number, found in enumerate(windows[: cell.count, :, 0]):
        top = number // cell.counts[1] * window[0]
        left = number % cell.counts[1] * window[1]
        for place, value in enumerate(found):
            row, column = top + place // window[1], left + place % window[1]
            inside = row < grid[0] and column < grid[1]
            assert value == (rolled[row, column] if inside else 0)
    np.testing.assert_array_equal(cell.join(Tensor(windows)).asnumpy(), x)


class WithGradient(nn.Cell):
    """What a Cell makes of x, and the gradient of x for a gradient of that."""

    def __init__(self, cell: nn.Cell) -> None:
        super().__init__()
        self.cell = cell
        self.differentiate = ops.GradOperation(sens_param=True)

    def construct(self, x: Tensor, g: Tensor) -> tuple[Tensor, Tensor]:
        return self.cell(x), self.differentiate(self.cell)(x, g)


@needs_kernels
@pytest.mark.parametrize(("grid", "window", "shift"), SETTINGS)
def test_the_compiled_forms_equal_the_composed_ones(grid, window, shift):
    """Tokens that are padding get no gradient; the gradient of padding is dropped."""
    rng, count = np.random.default_rng(0), Windows(5, grid, window, shift).count
    tokens = Tensor(rng.standard_normal((2, grid[0] * grid[1], 5), np.float32))
    windows = Tensor(rng.standard_normal((2 * count, window[0] * window[1], 5), np.float32))
    for kind, x, g in ((SplitWindows, tokens, windows), (JoinWindows, windows, tokens)):
        cell = kind(grid, window, shift)
        assert cell.uses_kernel
        found = [one.asnumpy() for one in WithGradient(cell)(x, g)]
        with composed(cell):  # a graph of its own: a Cell keeps the one it has
            expected = [one.asnumpy() for one in WithGradient(cell)(x, g)]
        for one, other in zip(found, expected):
            np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("grid", "window", "shift"), SETTINGS)
def test_mask_keeps_apart_what_the_roll_brought_together(grid, window, shift):
    """Two tokens of a window see each other unless the roll moved just one of them round."""
    cell = Windows(1, grid, window, shift)
    mask = cell.mask()
    area = window[0] * window[1]
    if shift == (0, 0):
        np.testing.assert_array_equal(mask, np.zeros((1, area, area)))
        return
    assert mask.shape == (cell.count, area, area)
    for number in range(cell.count):
        top, left = np.array(divmod(number, cell.counts[1])) * window
        moved = []
        for place in range(area):
            row, column = top + place // window[1], left + place % window[1]
            moved.append(
                (row >= cell.padded[0] - shift[0] > 0 < shift[0],
                 column >= cell.padded[1] - shift[1] > 0 < shift[1])
            )  # fmt: skip
        for i in range(area):
            for j in range(area):
                assert mask[number, i, j] == (0 if moved[i] == moved[j] else -100)


@pytest.mark.parametrize(("rows", "columns"), [(3, 3), (2, 4)])
def test_index_depends_on_the_offset_alone(rows, columns):
    index = relative_position_index(rows, columns)
    places = [(r, c) for r in range(rows) for c in range(columns)]
    rows_of: dict[tuple[int, int], set[int]] = {}
    for i, query in enumerate(places):
        for j, key in enumerate(places):
            offset = (query[0] - key[0], query[1] - key[1])
            rows_of.setdefault(offset, set()).add(int(index[i, j]))
    offsets = sorted(rows_of)  # a table is filled row by row from the most negative offset up
    assert [rows_of[offset] for offset in offsets] == [{n} for n in range(len(offsets))]
    assert len(offsets) == (2 * rows - 1) * (2 * columns - 1)


def test_class_token_has_the_last_three_rows():
    index = index_with_class_token(2, 2)
    np.testing.assert_array_equal(index[1:, 1:], relative_position_index(2, 2))
    assert index[0].tolist() == [11, 9, 9, 9, 9]
    assert index[:, 0].tolist() == [11, 10, 10, 10, 10]


@pytest.mark.parametrize(
    ("grid", "window", "shifted", "expected"),
    [
        ((56, 56), 7, True, ((7, 7), (3, 3))),
        ((56, 56), 7, False, ((7, 7), (0, 0))),
        ((14, 14), 14, True, ((14, 14), (0, 0))),
        ((7, 7), 14, True, ((7, 7), (0, 0))),
        ((5, 20), 8, True, ((5, 8), (0, 4))),
    ],
)
def test_window_and_shift_fit_the_grid(grid, window, shifted, expected):
    assert fitting_window(grid, window, shifted) == expected


def test_log_spaced_offsets():
    from mindtune.layers.cosine_window_attention import log_spaced_offsets

    offsets = log_spaced_offsets((14, 14)).reshape(27, 27, 2)
    np.testing.assert_allclose(offsets[0, 0], [-1.056642, -1.056642], atol=1e-6)
    np.testing.assert_allclose(offsets[13, 14], [0, 0.230626], atol=1e-6)
    assert offsets[14, 13, 0] == offsets[13, 14, 1]  # rows first
    assert math.isclose(log_spaced_offsets((1, 2))[2, 1], math.log2(9) / 3, rel_tol=1e-6)
