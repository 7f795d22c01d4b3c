"""The compiled forms of cutting token maps into shifted windows, and of joining those."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from mindspore import Tensor, ops

from mindtune.ops.kernel_library import Kernel, compiled, like_first


def geometry_of(
    grid: tuple[int, int], window: tuple[int, int], shift: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """What both kernels take as grid and window; they speak by their shapes.

    Those are (H, W) and (wh, ww, sh + 1, sw + 1): shapes of results must follow from those of
    arguments alone (see ``compiled``).
    """
    cuts = (*window, shift[0] + 1, shift[1] + 1)
    return Tensor(np.zeros(grid, np.int8)), Tensor(np.zeros(cuts, np.int8))


def _windows(tokens: list, grid: list, window: list) -> list:
    rows, columns = (-(-side // part) for side, part in zip(grid, window))
    return [tokens[0] * rows * columns, window[0] * window[1], tokens[2]]


def _tokens(windows: list, grid: list, window: list) -> list:
    rows, columns = (-(-side // part) for side, part in zip(grid, window))
    return [windows[0] // (rows * columns), grid[0] * grid[1], windows[2]]


@cache
def split_kernel(library: Path) -> Kernel:
    """tokens (B, HW, C), grid, window -> windows (B * nW, wh * ww, C), float32."""
    to_tokens = compiled(library, "SplitWindowsGradient", _tokens, like_first)

    def bprop(tokens: Tensor, grid: Tensor, window: Tensor, out: Tensor, dout: Tensor) -> tuple:
        dtokens = to_tokens(dout, grid, window)
        return dtokens, ops.zeros_like(grid), ops.zeros_like(window)

    return compiled(library, "SplitWindows", _windows, like_first, bprop)


@cache
def join_kernel(library: Path) -> Kernel:
    """windows (B * nW, wh * ww, C), grid, window -> tokens (B, HW, C), float32."""
    to_windows = compiled(library, "JoinWindowsGradient", _windows, like_first)

    def bprop(windows: Tensor, grid: Tensor, window: Tensor, out: Tensor, dout: Tensor) -> tuple:
        dwindows = to_windows(dout, grid, window)
        return dwindows, ops.zeros_like(grid), ops.zeros_like(window)

    return compiled(library, "JoinWindows", _tokens, like_first, bprop)
