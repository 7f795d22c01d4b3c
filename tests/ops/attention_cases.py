"""Random calls of attention: shapes of bounded work, biases, masks and inputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from ops.arithmetic import Arithmetic
from ops.attention_reference import AttentionReference
from ops.kernel_caller import Kernels

_PRODUCTS = 2_000_000  # multiplications of one forward pass
NOTHING = np.zeros(1, np.float32)


def causal(tokens: int) -> np.ndarray:
    return np.triu(np.full((1, 1, tokens, tokens), -np.inf, np.float32), 1)


@dataclass(frozen=True)
class Attending:
    """A call; ``bias`` and ``mask`` are their groups and heads, ``spread`` is that of scores."""

    batch: int
    tokens: int
    heads: int
    dim: int
    bias: tuple[int, int] | None = None
    mask: tuple[int, int] | None = None
    is_causal: bool = False
    spread: float = 1
    seed: int = 0

    def inputs(self) -> tuple[np.ndarray, ...]:
        """Packed tokens, scale, bias, mask, gradient of the output; NOTHING for what is absent."""
        rng = np.random.default_rng(self.seed)

        def draw(*shape: int) -> np.ndarray:
            return rng.standard_normal(shape).astype(np.float32)

        n, width = self.tokens, self.heads * self.dim
        qkv = draw(self.batch, n, 3 * width)
        scale = np.float32(self.spread * self.dim**-0.5) * rng.uniform(0.5, 1.5, self.heads)
        bias = NOTHING if self.bias is None else draw(*self.bias, n, n)
        mask = NOTHING if self.mask is None else draw(*self.mask, n, n)
        mask = causal(n) if self.is_causal else mask
        return qkv, scale.astype(np.float32), bias, mask, draw(self.batch, n, width)

    def found(self, kernels: Kernels) -> dict[str, np.ndarray]:
        return attend(kernels, *self.inputs())

    def expected(self, arithmetic: Arithmetic) -> dict[str, np.ndarray]:
        qkv, scale, bias, mask, dout = self.inputs()
        terms = [None if term is NOTHING else term for term in (bias, mask)]
        reference = AttentionReference(scale, *terms, arithmetic)
        out = reference.forward(qkv)
        dqkv, dscale, dbias = reference.backward(dout)
        dbias = NOTHING if dbias is None else dbias
        return {"out": out, "dqkv": dqkv, "dscale": dscale, "dbias": dbias}


def attend(
    kernels: Kernels,
    qkv: np.ndarray,
    scale: np.ndarray,
    bias: np.ndarray,
    mask: np.ndarray,
    dout: np.ndarray,
) -> dict[str, np.ndarray]:
    """Attention and its gradient by the C entry points."""
    out, dqkv, dscale, dbias = (np.full_like(x, np.nan) for x in (dout, qkv, scale, bias))
    log_sums = np.full((len(qkv), len(scale), qkv.shape[1]), np.nan, np.float32)
    inputs = (qkv, scale, bias, mask)
    kernels.call("Attention", *inputs, out, log_sums)
    kernels.call("AttentionGradient", *inputs, out, log_sums, dout, dqkv, dscale, dbias)
    return {"out": out, "dqkv": dqkv, "dscale": dscale, "dbias": dbias}


@st.composite
def attendings(draw: st.DrawFn) -> Attending:
    tokens, dim, heads = (
        draw(st.integers(1, 300)),
        draw(st.integers(1, 130)),
        draw(st.integers(1, 5)),
    )
    most = max(1, min(40, _PRODUCTS // (2 * tokens**2 * dim * heads)))
    groups = draw(st.integers(1, min(5, most)))
    term = st.none() | st.tuples(st.sampled_from([1, groups]), st.sampled_from([1, heads]))
    return Attending(
        batch=groups * draw(st.integers(1, most // groups)),
        tokens=tokens,
        heads=heads,
        dim=dim,
        bias=draw(term),
        mask=draw(term),
        is_causal=draw(st.sampled_from([False, False, True])),
        spread=draw(st.sampled_from([0.1, 1, 1, 5])),
        seed=draw(st.integers(0, 2**16)),
    )
