"""Random calls of the kernels that put numbers elsewhere, and what they should give."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from ops.kernel_caller import Kernels


@dataclass(frozen=True)
class Permutation:
    """Axis i of the result is axis ``axes[i]`` of numbers of shape ``sizes``."""

    sizes: tuple[int, ...]
    axes: tuple[int, ...]

    def inputs(self) -> tuple[np.ndarray, np.ndarray]:
        """Numbers, gradient of the result."""
        x = np.arange(np.prod(self.sizes), dtype=np.float32)
        return x.reshape(self.sizes), -x.reshape([self.sizes[axis] for axis in self.axes])

    def found(self, kernels: Kernels) -> dict[str, np.ndarray]:
        x, dy = self.inputs()
        order = np.zeros([axis + 1 for axis in self.axes], np.int8)
        y, dx = np.full_like(dy, np.nan), np.full_like(x, np.nan)
        kernels.call("PermuteAxes", x, order, y)
        kernels.call("PermuteAxesGradient", dy, order, dx)
        return {"y": y, "dx": dx}

    def expected(self) -> dict[str, np.ndarray]:
        x, dy = self.inputs()
        return {"y": x.transpose(self.axes), "dx": dy.transpose(np.argsort(self.axes))}


@dataclass(frozen=True)
class WindowCut:
    """Maps of ``grid`` cut into windows after a shift, and windows joined."""

    batch: int
    grid: tuple[int, int]
    window: tuple[int, int]
    shift: tuple[int, int]
    channels: int

    def places(self) -> np.ndarray:
        """Which token of its map each token of the windows is, -1 for padding: (nW, wh * ww)."""
        (height, width), (high, wide) = self.grid, self.window
        numbers = np.roll(
            np.arange(height * width).reshape(self.grid), np.negative(self.shift), (0, 1)
        )
        padded = np.pad(numbers, ((0, -height % high), (0, -width % wide)), constant_values=-1)
        rows, columns = (side // part for side, part in zip(padded.shape, self.window))
        cut = [
            padded[r * high :, c * wide :][:high, :wide]
            for r in range(rows)
            for c in range(columns)
        ]
        return np.stack(cut).reshape(rows * columns, high * wide)

    def inputs(self) -> tuple[np.ndarray, np.ndarray]:
        """Tokens (B, HW, C) and windows (B * nW, wh * ww, C)."""
        rng, places = np.random.default_rng(self.channels), self.places()
        tokens = (self.batch, self.grid[0] * self.grid[1], self.channels)
        windows = (self.batch * len(places), places.shape[1], self.channels)
        return rng.standard_normal(tokens, np.float32), rng.standard_normal(windows, np.float32)

    def found(self, kernels: Kernels) -> dict[str, np.ndarray]:
        tokens, windows = self.inputs()
        grid = np.zeros(self.grid, np.int8)
        window = np.zeros((*self.window, self.shift[0] + 1, self.shift[1] + 1), np.int8)
        results = {}
        for symbol in ("SplitWindows", "JoinWindowsGradient"):
            results[symbol] = np.full_like(windows, np.nan)
            kernels.call(symbol, tokens, grid, window, results[symbol])
        for symbol in ("JoinWindows", "SplitWindowsGradient"):
            results[symbol] = np.full_like(tokens, np.nan)
            kernels.call(symbol, windows, grid, window, results[symbol])
        return results

    def expected(self) -> dict[str, np.ndarray]:
        """Windows are rows of tokens, or zeros; tokens are those of the windows that hold them."""
        tokens, windows = self.inputs()
        places = self.places().ravel()
        inside = places >= 0
        split = np.where(inside[:, None], tokens[:, places], np.float32(0))  # (B, nW * wh * ww, C)
        joined = np.empty_like(tokens)
        joined[:, places[inside]] = windows.reshape(split.shape)[:, inside]
        split = split.reshape(windows.shape)
        return {
            "SplitWindows": split,
            "JoinWindowsGradient": split,
            "JoinWindows": joined,
            "SplitWindowsGradient": joined,
        }


@st.composite
def permutations(draw: st.DrawFn) -> Permutation:
    sizes = draw(st.lists(st.integers(1, 5) | st.integers(30, 35), min_size=1, max_size=3))
    sizes += draw(st.lists(st.integers(1, 3), max_size=3))
    return Permutation(tuple(sizes), tuple(draw(st.permutations(range(len(sizes))))))


@st.composite
def window_cuts(draw: st.DrawFn) -> WindowCut:
    grid = draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    return WindowCut(
        batch=draw(st.integers(1, 3)),
        grid=grid,
        window=draw(st.tuples(st.integers(1, 5), st.integers(1, 5))),
        shift=(draw(st.integers(0, grid[0] - 1)), draw(st.integers(0, grid[1] - 1))),
        channels=draw(st.integers(1, 20)),
    )
