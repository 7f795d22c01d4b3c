"""The shrinking of maps in float64 NumPy, forward and backward by hand."""

from __future__ import annotations

import numpy as np
from scipy.special import erf

from ops.arithmetic import Arithmetic


def _convolve(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """3 x 3, stride 2, no padding: (B, P, d, d) -> (B, P, s, s)."""
    side = (x.shape[-1] - 3) // 2 + 1
    out = np.zeros((x.shape[0], w.shape[0], side, side))
    for i in range(3):
        for j in range(3):
            patch = x[:, :, i : i + 2 * side - 1 : 2, j : j + 2 * side - 1 : 2]
            out += np.einsum("bcxy,oc->boxy", patch, w[:, :, i, j], optimize=True)
    return out


def _to_weight(x: np.ndarray, g: np.ndarray) -> np.ndarray:
    dw, side = np.zeros((g.shape[1], x.shape[1], 3, 3)), g.shape[-1]
    for i in range(3):
        for j in range(3):
            patch = x[:, :, i : i + 2 * side - 1 : 2, j : j + 2 * side - 1 : 2]
            dw[:, :, i, j] = np.einsum("boxy,bcxy->oc", g, patch, optimize=True)
    return dw


def _to_input(shape: tuple[int, ...], w: np.ndarray, g: np.ndarray) -> np.ndarray:
    dx, side = np.zeros(shape), g.shape[-1]
    for i in range(3):
        for j in range(3):
            at = np.s_[:, :, i : i + 2 * side - 1 : 2, j : j + 2 * side - 1 : 2]
            dx[at] += np.einsum("boxy,oc->bcxy", g, w[:, :, i, j], optimize=True)
    return dx


class ShrinkingReference:
    """Convolution, exact GELU, convolution: (B, P, d, d) -> (B, P, s, s)."""

    def __init__(
        self, first: np.ndarray, second: np.ndarray, arithmetic: Arithmetic | None = None
    ) -> None:
        self.first, self.second = first.astype(np.float64), second.astype(np.float64)
        self.at = arithmetic or Arithmetic()

    def _convolved(self, x: np.ndarray, w: np.ndarray) -> np.ndarray:
        return self.at.summed(_convolve(x, w), _convolve(x**2, w**2), 9 * x.shape[1])

    def forward(self, maps: np.ndarray) -> np.ndarray:
        at, self.maps = self.at, maps.astype(np.float64)
        self.middle = self._convolved(self.maps, self.first)
        self.cdf = at.rounded(0.5 * (1 + erf(self.middle / np.sqrt(2))))
        self.activated = at.rounded(self.middle * self.cdf)
        return self._convolved(self.activated, self.second)

    def backward(self, dout: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Gradients of the maps and of the two weights."""
        at, dout = self.at, dout.astype(np.float64)
        density = np.exp(-(self.middle**2) / 2) / np.sqrt(2 * np.pi)
        slope = self.cdf + at.rounded(self.middle * density)
        dmiddle = slope * self._spread(self.activated, self.second, dout)
        return (
            self._spread(self.maps, self.first, dmiddle),
            self._correlated(self.maps, dmiddle),
            self._correlated(self.activated, dout),
        )

    def _spread(self, x: np.ndarray, w: np.ndarray, g: np.ndarray) -> np.ndarray:
        squares = _to_input(x.shape, w**2, g**2)
        return self.at.summed(_to_input(x.shape, w, g), squares, 9 * x.shape[1])

    def _correlated(self, x: np.ndarray, g: np.ndarray) -> np.ndarray:
        terms = g.size // g.shape[1]
        return self.at.summed(_to_weight(x, g), _to_weight(x**2, g**2), terms)
