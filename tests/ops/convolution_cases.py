"""Random calls of the convolution kernels, and float64 convolutions by their definition."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from ops.arithmetic import Arithmetic
from ops.kernel_caller import Kernels


@dataclass(frozen=True)
class Convolution:
    """A call: maps (batch, height, width, channels) -> (batch, H', W', out)."""

    batch: int
    height: int
    width: int
    channels: int
    out: int
    kernel: int
    stride: int = 1
    padding: int = 0

    def sides(self) -> tuple[int, int]:
        """H' and W'."""
        reach = 2 * self.padding - self.kernel
        return (self.height + reach) // self.stride + 1, (self.width + reach) // self.stride + 1

    def inputs(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Maps, weight (O, k, k, C), gradient of the result."""
        rng = np.random.default_rng([self.height, self.width, self.channels, self.out])
        maps = (self.batch, self.height, self.width, self.channels)
        weight = (self.out, self.kernel, self.kernel, self.channels)
        shapes = maps, weight, (self.batch, *self.sides(), self.out)
        return tuple(rng.standard_normal(shape, np.float32) for shape in shapes)  # type: ignore

    def found(self, kernels: Kernels) -> dict[str, np.ndarray]:
        maps, weight, dy = self.inputs()
        geometry = np.zeros((self.stride, self.padding + 1, self.kernel), np.int32)
        y, dmaps, dweight = (np.full_like(one, np.nan) for one in (dy, maps, weight))
        kernels.call("Convolution", maps, weight, geometry, y)
        kernels.call("ConvolutionInputGradient", dy, weight, geometry, maps, dmaps)
        kernels.call("ConvolutionWeightGradient", dy, maps, geometry, dweight)
        return {"y": y, "dmaps": dmaps, "dweight": dweight}

    def expected(self, at: Arithmetic) -> dict[str, np.ndarray]:
        """A sum over taps: of shifted maps, and of what each gives back."""
        maps, weight, dy = (one.astype(np.float64) for one in self.inputs())
        edge = (self.padding, self.padding)
        padded = np.pad(maps, ((0, 0), edge, edge, (0, 0)))
        y, dpadded, dweight = np.zeros_like(dy), np.zeros_like(padded), np.zeros_like(weight)
        for i, j, seen in self._taps():
            y = at.rounded(y + at.product(padded[seen], weight[:, i, j].T))
            dpadded[seen] = at.rounded(dpadded[seen] + at.product(dy, weight[:, i, j]))
            rows = padded[seen].reshape(-1, self.channels)
            dweight[:, i, j] = at.product(dy.reshape(-1, self.out).T, rows)
        inside = (slice(None), *(slice(self.padding, self.padding + n) for n in maps.shape[1:3]))
        return {"y": y, "dmaps": dpadded[inside], "dweight": dweight}

    def _taps(self) -> Iterator[tuple[int, int, tuple[slice, ...]]]:
        """Each tap, and the pixels of padded maps under it."""
        rows, columns = ((n - 1) * self.stride + 1 for n in self.sides())
        for i, j in np.ndindex(self.kernel, self.kernel):
            step = self.stride
            yield i, j, (slice(None), slice(i, i + rows, step), slice(j, j + columns, step))


@st.composite
def convolutions(draw: st.DrawFn) -> Convolution:
    kernel, padding = draw(st.integers(1, 7)), draw(st.integers(0, 4))
    least = max(1, kernel - 2 * padding)
    return Convolution(
        batch=draw(st.integers(1, 3)),
        height=draw(st.integers(least, least + 9)),
        width=draw(st.integers(least, least + 9)),
        channels=draw(st.integers(1, 20)),
        out=draw(st.integers(1, 20)),
        kernel=kernel,
        stride=draw(st.integers(1, 4)),
        padding=padding,
    )
