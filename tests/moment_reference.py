"""Moment head in float64 NumPy, forward and backward by hand: the tests' independent derivation."""

from __future__ import annotations

import numpy as np
from scipy.special import erf

from ops.pooling_reference import PoolingReference, pairs_of


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
        self.first = 0 if options.get("first_token") == "keep" else 1
        heads = head.pooling.num_heads
        self.pooling = PoolingReference(
            heads,
            pairs_of(options.get("pairing", "near"), heads),
            options.get("split", "contiguous"),
            options.get("centering", "scalar"),
        )

    def run(self, tokens, pooled, weights):
        """Logits, and gradients of sum(logits * weights) by parameter name."""
        w = self.w
        x, c, g_logits = (v.astype(np.float64) for v in (tokens, pooled, weights))
        used = x[:, self.first :]
        z = used @ w["proj.weight"].T + w["proj.bias"]
        m = self.pooling.forward(z, w["ln.weight"], w["ln.bias"])
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
        d_z, grads["ln.weight"], grads["ln.bias"] = self.pooling.backward(d_m)
        grads["proj.weight"] = np.einsum("bnk,bnc->kc", d_z, used)
        grads["proj.bias"] = d_z.sum((0, 1))
        d_x = np.zeros_like(x)
        d_x[:, self.first :] = d_z @ w["proj.weight"]
        return (l1 + l2) / 2, {**grads, "tokens": d_x}
