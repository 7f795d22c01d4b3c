"""Moment head in float64 NumPy, forward and backward by hand: the tests' independent derivation."""

from __future__ import annotations

import numpy as np
from scipy.special import erf


def _conv(x: np.ndarray, w: np.ndarray) -> np.ndarray:
    """3 x 3, stride 2, no padding: (B, P, d, d) -> (B, P, s, s)."""
    side = (x.shape[-1] - 3) // 2 + 1
    out = np.zeros((x.shape[0], w.shape[0], side, side))
    for i in range(3):
        for j in range(3):
            patch = x[:, :, i : i + 2 * side - 1 : 2, j : j + 2 * side - 1 : 2]
            out += np.einsum("bcxy,oc->boxy", patch, w[:, :, i, j])
    return out


def _conv_backward(x: np.ndarray, w: np.ndarray, g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    side = g.shape[-1]
    for i in range(3):
        for j in range(3):
            at = np.s_[:, :, i : i + 2 * side - 1 : 2, j : j + 2 * side - 1 : 2]
            dw[:, :, i, j] = np.einsum("boxy,bcxy->oc", g, x[at])
            dx[at] += np.einsum("boxy,oc->bcxy", g, w[:, :, i, j])
    return dx, dw


def _gelu(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    cdf = 0.5 * (1 + erf(x / np.sqrt(2)))
    return x * cdf, cdf + x * np.exp(-x * x / 2) / np.sqrt(2 * np.pi)


class MomentReference:
    """Head with the weights of ``head``; options as ``MomentHead`` takes them."""

    def __init__(self, head, options: dict) -> None:
        self.w = {p.name: p.asnumpy().astype(np.float64) for p in head.get_parameters()}
        self.heads = head.pooling.num_heads
        self.split = options.get("split", "contiguous")
        self.centering = options.get("centering", "scalar")
        self.first = 0 if options.get("first_token") == "keep" else 1
        h = self.heads
        self.pairs = {
            "near": [(i, i + 1) for i in range(h - 1)],
            "half": [(i, i + h // 2) for i in range(h // 2)],
            "one": [(0, i) for i in range(1, h)],
            "all": [(i, j) for i in range(h) for j in range(i + 1, h)],
        }[options.get("pairing", "near")]

    def _channels(self, h: int) -> np.ndarray:
        d = self.w["ln.weight"].size
        return (
            np.arange(h, h + self.heads * d, self.heads)
            if self.split == "strided"
            else (np.arange(h * d, (h + 1) * d))
        )

    def _centre(self, a: np.ndarray) -> np.ndarray:
        """Its own adjoint: a projection, used forward and backward."""
        axes = {"scalar": (1, 2), "channel": (1,), "none": None}[self.centering]
        return a if axes is None else a - a.mean(axes, keepdims=True)

    def run(self, tokens, pooled, weights):
        """Logits, and gradients of sum(logits * weights) by parameter name."""
        w = self.w
        x, c, g_logits = (v.astype(np.float64) for v in (tokens, pooled, weights))
        used = x[:, self.first :]
        n = used.shape[1]
        z = used @ w["proj.weight"].T + w["proj.bias"]
        normed, centred, inverse_std = [], [], []
        for h in range(self.heads):
            part = z[..., self._channels(h)]
            std = np.sqrt(part.var(-1, keepdims=True) + 1e-5)
            hat = (part - part.mean(-1, keepdims=True)) / std
            normed.append(hat)
            inverse_std.append(1 / std)
            centred.append(self._centre(hat * w["ln.weight"] + w["ln.bias"]))
        maps, norms = [], []
        for i, j in self.pairs:
            cov = np.einsum("bnp,bnq->bpq", centred[i], centred[j]) / n
            norm = np.maximum(np.sqrt((cov**2).sum(1, keepdims=True)), 1e-12)
            maps.append(cov / norm)
            norms.append(norm)
        m = np.stack(maps, 1)
        w1, w2 = w["downblocks.0.0.weight"], w["downblocks.0.2.weight"]
        a1 = _conv(m, w1)
        g1, slope = _gelu(a1)
        a2 = _conv(g1, w2)
        flat = a2.reshape(len(x), -1)
        l1 = c @ w["classifier1.weight"].T + w["classifier1.bias"]
        l2 = flat @ w["classifier2.weight"].T + w["classifier2.bias"]

        g = g_logits / 2
        grads = {
            "classifier1.weight": g.T @ c, "classifier1.bias": g.sum(0),
            "classifier2.weight": g.T @ flat, "classifier2.bias": g.sum(0),
            "pooled": g @ w["classifier1.weight"],
        }  # fmt: skip
        d_g1, grads["downblocks.0.2.weight"] = _conv_backward(
            g1, w2, (g @ w["classifier2.weight"]).reshape(a2.shape)
        )
        d_m, grads["downblocks.0.0.weight"] = _conv_backward(m, w1, d_g1 * slope)
        d_heads = [np.zeros_like(a) for a in centred]
        for p, (i, j) in enumerate(self.pairs):
            d_y, y = d_m[:, p], m[:, p]
            d_c = (d_y - y * (d_y * y).sum(1, keepdims=True)) / norms[p]
            d_heads[i] += np.einsum("bnq,bpq->bnp", centred[j], d_c) / n
            d_heads[j] += np.einsum("bnp,bpq->bnq", centred[i], d_c) / n
        grads["ln.weight"], grads["ln.bias"] = 0.0, 0.0
        d_z = np.zeros_like(z)
        for h in range(self.heads):
            d_a = self._centre(d_heads[h])
            grads["ln.weight"] = grads["ln.weight"] + (d_a * normed[h]).sum((0, 1))
            grads["ln.bias"] = grads["ln.bias"] + d_a.sum((0, 1))
            d_hat = d_a * w["ln.weight"]
            mean = d_hat.mean(-1, keepdims=True)
            along = (d_hat * normed[h]).mean(-1, keepdims=True)
            d_z[..., self._channels(h)] = (d_hat - mean - normed[h] * along) * inverse_std[h]
        grads["proj.weight"] = np.einsum("bnk,bnc->kc", d_z, used)
        grads["proj.bias"] = d_z.sum((0, 1))
        d_x = np.zeros_like(x)
        d_x[:, self.first :] = d_z @ w["proj.weight"]
        return (l1 + l2) / 2, {**grads, "tokens": d_x}
