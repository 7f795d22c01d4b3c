"""Shifted windows: a token map cut into squares, and put together again."""

from __future__ import annotations

import numpy as np
from mindspore import Tensor, nn, ops
from mindspore import dtype as mstype

from mindtune.ops.two_paths import TwoPaths
from mindtune.ops.windows import geometry_of, join_kernel, split_kernel

Grid = tuple[int, int]
_OTHER_REGION = -100.0  # finite, as everywhere since the first Swin code


def fitting_window(grid: Grid, window: int, shifted: bool) -> tuple[Grid, Grid]:
    """Window and shift on ``grid``: along an axis no longer than the window, one window, no shift.

    Otherwise the shift is half a window, rounded down, or nothing unless ``shifted``.
    """
    sizes = (min(grid[0], window), min(grid[1], window))
    half = window // 2 if shifted else 0
    return sizes, (0 if grid[0] <= window else half, 0 if grid[1] <= window else half)


class WindowGrid(nn.Cell):
    """How a map is cut: rolled up and left by the shift, then padded below and on the right.

    Attributes:
        grid: (H, W) of the map.
        window: (wh, ww).
        shift: (sh, sw).
        counts: rows and columns of windows.
        padded: (H, W) as multiples of the window.
        padding: rows and columns of zeros which that takes.
    """

    def __init__(self, grid: Grid, window: Grid, shift: Grid) -> None:
        super().__init__()
        self.grid = grid
        self.window = window
        self.shift = shift
        self.counts = (-(-grid[0] // window[0]), -(-grid[1] // window[1]))
        self.padded = (self.counts[0] * window[0], self.counts[1] * window[1])
        self.padding = (self.padded[0] - grid[0], self.padded[1] - grid[1])


class SplitWindows(WindowGrid, TwoPaths):
    """Tokens (B, HW, C) -> windows (B * nW, wh * ww, C).

    On the CPU one kernel rolls, pads and cuts, here and in ``JoinWindows``: each of MindSpore's
    operators keeps the place of every number that it moves, as long as the graph lives.
    """

    def __init__(self, grid: Grid, window: Grid, shift: Grid) -> None:
        super().__init__(grid, window, shift)
        library = self.choose_path(devices=("CPU",))
        if library is not None:
            self.geometry = geometry_of(grid, window, shift)
            self.kernel = split_kernel(library)

    def construct(self, x: Tensor) -> Tensor:
        if self.uses_kernel:
            return ops.cast(self.kernel(ops.cast(x, mstype.float32), *self.geometry), x.dtype)
        (rows, columns), (height, width), c = self.counts, self.window, x.shape[2]
        x = x.reshape(-1, self.grid[0], self.grid[1], c)  # (B, H, W, C)
        x = _rolled(x, 1, self.shift[0])
        x = _rolled(x, 2, self.shift[1])
        if sum(self.padding) > 0:
            x = ops.pad(x, (0, 0, 0, self.padding[1], 0, self.padding[0]))
        x = x.reshape(-1, rows, height, columns, width, c)  # (B, nh, wh, nw, ww, C)
        x = ops.transpose(x, (0, 1, 3, 2, 4, 5))  # (B, nh, nw, wh, ww, C)
        return x.reshape(-1, height * width, c)  # (B * nW, wh * ww, C)


class JoinWindows(WindowGrid, TwoPaths):
    """Windows (B * nW, wh * ww, C) -> tokens (B, HW, C): the inverse, without the padding."""

    def __init__(self, grid: Grid, window: Grid, shift: Grid) -> None:
        super().__init__(grid, window, shift)
        library = self.choose_path(devices=("CPU",))
        if library is not None:
            self.geometry = geometry_of(grid, window, shift)
            self.kernel = join_kernel(library)

    def construct(self, x: Tensor) -> Tensor:
        if self.uses_kernel:
            return ops.cast(self.kernel(ops.cast(x, mstype.float32), *self.geometry), x.dtype)
        (rows, columns), (height, width), c = self.counts, self.window, x.shape[2]
        x = x.reshape(-1, rows, columns, height, width, c)  # (B, nh, nw, wh, ww, C)
        x = ops.transpose(x, (0, 1, 3, 2, 4, 5))  # (B, nh, wh, nw, ww, C)
        x = x.reshape(-1, self.padded[0], self.padded[1], c)
        if sum(self.padding) > 0:
            x = x[:, : self.grid[0], : self.grid[1]]
        x = _rolled(x, 1, (self.grid[0] - self.shift[0]) % self.grid[0])
        x = _rolled(x, 2, (self.grid[1] - self.shift[1]) % self.grid[1])
        return x.reshape(-1, self.grid[0] * self.grid[1], c)  # (B, HW, C)


class Windows(WindowGrid):
    """Cuts tokens (B, HW, C) into windows (B * nW, wh * ww, C), and joins windows to tokens.

    The map is first rolled up by ``shift[0]`` and left by ``shift[1]``, then padded with zeros
    below and on the right to multiples of the window; windows follow each other row by row. Padded
    tokens take part in attention, as in timm; Microsoft's code refuses maps that need them.
    Liu et al., "Swin Transformer", ICCV 2021, section 3.2.

    Attributes:
        dim: C.
        count: windows nW of an image.
        split: tokens to windows.
        join: windows to tokens.
    """

    def __init__(self, dim: int, grid: Grid, window: Grid, shift: Grid) -> None:
        super().__init__(grid, window, shift)
        self.dim = dim
        self.count = self.counts[0] * self.counts[1]
        self.split = SplitWindows(grid, window, shift)
        self.join = JoinWindows(grid, window, shift)

    def mask(self) -> np.ndarray:
        """What to add to the scores, float32 (nW or 1, wh * ww, wh * ww).

        After the roll a window may hold tokens that were no neighbours: such pairs get -100. All
        zeros, once for all windows, where nothing is shifted.
        """
        area = self.window[0] * self.window[1]
        if sum(self.shift) == 0:
            return np.zeros((1, area, area), np.float32)
        bands = [_bands(*sizes) for sizes in zip(self.padded, self.window, self.shift)]
        region = 3 * bands[0][:, None] + bands[1]
        (rows, columns), (height, width) = self.counts, self.window
        region = region.reshape(rows, height, columns, width).transpose(0, 2, 1, 3)
        region = region.reshape(-1, area)  # (nW, wh * ww)
        apart = region[:, :, None] != region[:, None]
        return np.where(apart, np.float32(_OTHER_REGION), np.float32(0))


def _rolled(x: Tensor, axis: int, count: int) -> Tensor:
    """``x`` (B, H, W, C) with the first ``count`` rows (axis 1) or columns (axis 2) moved to the
    end."""
    if count == 0:
        return x
    parts = (x[:, count:], x[:, :count]) if axis == 1 else (x[:, :, count:], x[:, :, :count])
    return ops.concat(parts, axis)


def _bands(length: int, window: int, shift: int) -> np.ndarray:
    """Regions 0, 1, 2 of one axis after the roll: they end a window and a shift before its end."""
    position = np.arange(length)
    return (position >= length - window).astype(int) + (position >= length - shift)
