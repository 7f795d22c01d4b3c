"""Softmax attention in float64 NumPy, forward and backward by hand."""

from __future__ import annotations

import numpy as np

from ops.arithmetic import Arithmetic


def _of_samples(term: np.ndarray, samples: int) -> np.ndarray:
    """A bias or mask (G, ...) for every sample: sample b takes group b mod G."""
    return np.tile(term.astype(np.float64), (samples // len(term), 1, 1, 1))


class AttentionReference:
    """``softmax(scale q k^T + bias + mask) v``: (B, N, 3 H d) -> (B, N, H d)."""

    def __init__(
        self,
        scale: np.ndarray,
        bias: np.ndarray | None = None,
        mask: np.ndarray | None = None,
        arithmetic: Arithmetic | None = None,
    ) -> None:
        self.scale = scale.astype(np.float64)[:, None, None]
        self.bias, self.mask = bias, mask
        self.at = arithmetic or Arithmetic()

    def _heads(self, x: np.ndarray) -> np.ndarray:
        """(B, N, K H d) -> (K, B, H, N, d)."""
        b, n, _ = x.shape
        head_dim = self.head_dim
        return x.astype(np.float64).reshape(b, n, -1, len(self.scale), head_dim).transpose(
            2, 0, 3, 1, 4
        )  # fmt: skip

    def _rounded(self, scores: np.ndarray) -> np.ndarray:
        """Minus infinity, of a mask, stays what it is."""
        excluded = np.isneginf(scores)
        return np.where(excluded, scores, self.at.rounded(np.where(excluded, 0, scores)))

    def forward(self, qkv: np.ndarray) -> np.ndarray:
        at = self.at
        b, n, width = qkv.shape
        self.head_dim = width // (3 * len(self.scale))
        self.q, self.k, self.v = self._heads(qkv)
        self.scaled = at.rounded(self.q * self.scale)
        terms = sum(_of_samples(t, b) for t in (self.bias, self.mask) if t is not None)
        terms = np.broadcast_to(terms, (b, len(self.scale), n, n))
        self.scores = self._rounded(at.product(self.scaled, self.k.swapaxes(-1, -2)) + terms)
        largest = self.scores.max(-1, keepdims=True)
        powers = at.rounded(np.exp(self.scores - largest))
        total = at.total(powers, (-1,))
        self.log_sums = at.rounded(largest + np.log(total))
        self.mixed = at.rounded(at.product(powers, self.v) / total)
        return self.mixed.transpose(0, 2, 1, 3).reshape(b, n, -1)

    def backward(self, dout: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Gradients of queries, keys and values side by side, of the scale and of the bias."""
        at = self.at
        b, n, _ = dout.shape
        (g,) = self._heads(dout)
        weights = at.rounded(np.exp(self._rounded(self.scores - self.log_sums)))
        dv = at.product(weights.swapaxes(-1, -2), g)
        mean = at.total(self.mixed * g, (-1,))
        dscores = at.rounded(weights * (at.product(g, self.v.swapaxes(-1, -2)) - mean))
        dscaled = at.product(dscores, self.k)
        dk = at.product(dscores.swapaxes(-1, -2), self.scaled)
        parts = np.stack([at.rounded(dscaled * self.scale), dk, dv])  # (3, B, H, N, d)
        dscale = at.total(dscaled * self.q, (0, 2, 3)).reshape(-1)
        dqkv = parts.transpose(1, 3, 0, 2, 4).reshape(b, n, -1)
        return dqkv, dscale, None if self.bias is None else self._dbias(dscores)

    def _dbias(self, dscores: np.ndarray) -> np.ndarray:
        assert self.bias is not None
        groups, heads = self.bias.shape[:2]
        by_group = dscores.reshape(-1, groups, *dscores.shape[1:])
        axes = (0,) if heads == dscores.shape[1] else (0, 2)
        return self.at.total(by_group, axes).reshape(self.bias.shape)
