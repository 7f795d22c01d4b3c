"""Moment pooling in float64 NumPy, forward and backward by hand: an independent derivation."""

from __future__ import annotations

import numpy as np

from ops.arithmetic import Arithmetic

NORM_EPS = float(np.float32(1e-5))
COLUMN_EPS = float(np.float32(1e-12))
MEAN_AXES = {"none": None, "scalar": (2, 3), "channel": (2,)}


def pairs_of(pairing: str, heads: int) -> list[tuple[int, int]]:
    return {
        "near": [(i, i + 1) for i in range(heads - 1)],
        "half": [(i, i + heads // 2) for i in range(heads // 2)],
        "one": [(0, i) for i in range(1, heads)],
        "all": [(i, j) for i in range(heads) for j in range(i + 1, heads)],
    }[pairing]


def _across(a: np.ndarray) -> np.ndarray:
    return np.swapaxes(a, -1, -2)


class CrossCovarianceReference:
    """``heads[:, i]^T heads[:, j] / N`` for each pair (i, j): (B, H, N, d) -> (B, P, d, d)."""

    def __init__(self, pairs: list[tuple[int, int]], arithmetic: Arithmetic | None = None) -> None:
        self.pairs = pairs
        self.left, self.right = (list(side) for side in zip(*pairs))
        self.at = arithmetic or Arithmetic()

    def forward(self, heads: np.ndarray) -> np.ndarray:
        self.heads = heads.astype(np.float64)
        left, right = self.heads[:, self.left], self.heads[:, self.right]
        return self.at.rounded(self.at.product(_across(left), right) / heads.shape[2])

    def backward(self, dmaps: np.ndarray) -> np.ndarray:
        scaled = dmaps.astype(np.float64) / self.heads.shape[2]
        dheads = np.zeros_like(self.heads)
        for p, (i, j) in enumerate(self.pairs):
            dheads[:, i] += self.at.product(self.heads[:, j], _across(scaled[:, p]))
            dheads[:, j] += self.at.product(self.heads[:, i], scaled[:, p])
        return self.at.rounded(dheads)


class PoolingReference:
    """LayerNorm, centring, cross-covariance, unit columns; options as ``MomentPooling`` takes."""

    def __init__(
        self,
        num_heads: int,
        pairs: list[tuple[int, int]],
        split: str,
        centering: str,
        arithmetic: Arithmetic | None = None,
        column_eps: float = COLUMN_EPS,
    ) -> None:
        self.num_heads = num_heads
        self.split = split
        self.axes = MEAN_AXES[centering]
        self.at = arithmetic or Arithmetic()
        self.column_eps = column_eps
        self.covariance = CrossCovarianceReference(pairs, self.at)

    def _split(self, z: np.ndarray) -> np.ndarray:
        b, n, width = z.shape
        if self.split == "strided":
            return z.reshape(b, n, width // self.num_heads, self.num_heads).transpose(0, 3, 1, 2)
        return z.reshape(b, n, self.num_heads, width // self.num_heads).transpose(0, 2, 1, 3)

    def _join(self, heads: np.ndarray) -> np.ndarray:
        axes = (0, 2, 3, 1) if self.split == "strided" else (0, 2, 1, 3)
        b, _, n, _ = heads.shape
        return heads.transpose(axes).reshape(b, n, -1)

    def _centre(self, a: np.ndarray) -> np.ndarray:
        """Its own adjoint: a projection, used forward and backward."""
        return a if self.axes is None else self.at.rounded(a - self.at.mean(a, self.axes))

    def forward(self, tokens: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
        """Maps (B, P, d, d); their column norms before normalisation stay in ``norms``."""
        at, self.weight = self.at, weight.astype(np.float64)
        z = self._split(tokens.astype(np.float64))
        off = at.rounded(z - at.mean(z, (3,)))
        self.inverse_std = at.rounded(1 / np.sqrt(at.mean(off**2, (3,)) + NORM_EPS))
        self.normed = at.rounded(off * self.inverse_std)
        covariances = self.covariance.forward(
            self._centre(at.rounded(self.normed * self.weight + bias))
        )
        self.norms = np.sqrt(at.total(covariances**2, (2,)))  # (B, P, 1, d)
        self.floored = self.norms <= self.column_eps
        self.norms = np.maximum(self.norms, self.column_eps)
        self.maps = at.rounded(covariances / self.norms)
        return self.maps

    def backward(self, dmaps: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        at, dmaps = self.at, dmaps.astype(np.float64)
        along = np.where(self.floored, 0, at.total(dmaps * self.maps, (2,)))
        da = self._centre(
            self.covariance.backward(at.rounded((dmaps - self.maps * along) / self.norms))
        )
        dweight = at.total(at.rounded(da * self.normed), (0, 1, 2)).ravel()
        dbias = at.total(da, (0, 1, 2)).ravel()
        dnormed = at.rounded(da * self.weight)
        slope = self.normed * at.mean(dnormed * self.normed, (3,))
        dz = at.rounded(dnormed - at.mean(dnormed, (3,)) - slope) * self.inverse_std
        return self._join(dz), dweight, dbias
