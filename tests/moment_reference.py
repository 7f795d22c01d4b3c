"""Moment head in float64 NumPy, forward and backward by hand: the tests' independent derivation."""

from __future__ import annotations

import numpy as np

from ops.pooling_reference import PoolingReference, pairs_of
from ops.shrinking_reference import ShrinkingReference


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
        block = ShrinkingReference(w["downblocks.0.0.weight"], w["downblocks.0.2.weight"])
        shrunk = block.forward(m)
        flat = shrunk.reshape(len(x), -1)
        l1 = c @ w["classifier1.weight"].T + w["classifier1.bias"]
        l2 = flat @ w["classifier2.weight"].T + w["classifier2.bias"]

        g = g_logits / 2
        grads = {
            "classifier1.weight": g.T @ c, "classifier1.bias": g.sum(0),
            "classifier2.weight": g.T @ flat, "classifier2.bias": g.sum(0),
            "pooled": g @ w["classifier1.weight"],
        }  # fmt: skip
        d_m, grads["downblocks.0.0.weight"], grads["downblocks.0.2.weight"] = block.backward(
            (g @ w["classifier2.weight"]).reshape(shrunk.shape)
        )
        d_z, grads["ln.weight"], grads["ln.bias"] = self.pooling.backward(d_m)
        grads["proj.weight"] = np.einsum("bnk,bnc->kc", d_z, used)
        grads["proj.bias"] = d_z.sum((0, 1))
        d_x = np.zeros_like(x)
        d_x[:, self.first :] = d_z @ w["proj.weight"]
        return (l1 + l2) / 2, {**grads, "tokens": d_x}
