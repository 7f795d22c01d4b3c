"""Softmax attention from packed queries, keys and values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from mindspore import Tensor, nn, ops
from mindspore import dtype as mstype

from mindtune.ops.kernel_library import compiled
from mindtune.ops.two_paths import TwoPaths


class SoftmaxAttention(nn.Cell, TwoPaths):
    """``softmax(scale q k^T + bias + mask) v`` of every head: (B, N, 3 H d) -> (B, N, H d).

    The input holds queries, keys and values side by side, inside each of them head after head; the
    output goes on to the projection as it is. ``scale`` (H,) is a factor a head. ``bias`` and
    ``mask`` (G, 1 or H, N, N), rows of queries, are added to the scores where given: sample b takes
    group b mod G, so that (1, H, N, N) is a bias of each head, (nW, 1, N, N) a mask of each window
    of an image, and (B, H, N, N) anything. The mask is a constant: it has no gradient. Vaswani et
    al., "Attention Is All You Need", NeurIPS 2017, section 3.2.

    With a compiled kernel the scores are never held as a whole, and the backward pass makes them
    again from the logarithms of the rows' sums (Dao et al., "FlashAttention", NeurIPS 2022). Who
    wants the weights themselves takes ``weights_and_values`` and ``mix``, which are MindSpore's
    operators on every device.

    Args:
        num_heads: H.
        head_dim: d.

    Attributes:
        bias_trains: whether the bias needs its gradient. A Cell cannot see in a graph what is
            frozen, so ``mindtune.tuning.apply`` sets it; the kernel then reads the bias as a mask.

    Raises:
        ValueError: tokens, scale, bias or mask of another shape, when the graph is built.
        TypeError: tokens that are no floats.
    """

    reads = "attention"

    def __init__(self, num_heads: int, head_dim: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.head_dim = head_dim
        self.width = num_heads * head_dim
        self.bias_trains = True
        self.product = ops.BatchMatMul()
        self.nothing = Tensor(np.zeros(1, np.float32))  # stands for a bias or mask not given
        library = self.choose_path(devices=("CPU",))
        if library is not None:
            self.kernel = _kernel(library)

    def __deepcopy__(self, memo: dict) -> SoftmaxAttention:
        """Another one: MindSpore's operators cannot be copied, and this Cell has no state."""
        other = SoftmaxAttention(self.num_heads, self.head_dim)
        other.bias_trains = self.bias_trains
        return other

    def construct(
        self, qkv: Tensor, scale: Tensor, bias: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        if not self.uses_kernel:
            weights, v = self.weights_and_values(qkv, scale, bias, mask)
            return self.mix(weights, v)
        self.check(qkv, scale)
        bias, mask = self.kernel_terms(qkv, bias, mask)
        scale = ops.cast(scale, mstype.float32)
        mixed = self.kernel(self.readable(qkv), scale, bias, mask)[0]  # (B, N, H d)
        return ops.cast(mixed, qkv.dtype)

    def weights_and_values(
        self, qkv: Tensor, scale: Tensor, bias: Tensor | None = None, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Attention weights (B, H, N, N) in float32, rows summing to 1, and values (B, H, N, d)."""
        self.check(qkv, scale)
        q, k, v = ops.split(qkv, self.width, axis=-1)  # 3 x (B, N, H d)
        heads = (-1, qkv.shape[1], self.num_heads, self.head_dim)
        q = ops.transpose(q.reshape(heads), (0, 2, 1, 3))  # (B, H, N, d)
        k = ops.transpose(k.reshape(heads), (0, 2, 3, 1))  # (B, H, d, N)
        v = ops.transpose(v.reshape(heads), (0, 2, 1, 3))  # (B, H, N, d)
        q = q * ops.cast(scale, q.dtype).reshape(-1, 1, 1)
        scores = ops.cast(self.product(q, k), mstype.float32)  # (B, H, N, N)
        if bias is not None:
            scores = _with_term(scores, self.term(qkv, bias))
        if mask is not None:
            scores = _with_term(scores, self.term(qkv, mask))
        return ops.softmax(scores, axis=-1), v

    def mix(self, weights: Tensor, v: Tensor) -> Tensor:
        """Values (B, H, N, d) averaged by weights (B, H, M, N), heads side by side: (B, M, H d)."""
        mixed = self.product(ops.cast(weights, v.dtype), v)  # (B, H, M, d)
        mixed = ops.transpose(mixed, (0, 2, 1, 3))  # (B, M, H, d)
        return mixed.reshape(-1, mixed.shape[1], self.width)  # (B, M, H d)

    def kernel_terms(
        self, qkv: Tensor, bias: Tensor | None, mask: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Both as the kernel takes them; a fixed bias that all share goes with the mask."""
        if bias is None:
            return self.nothing, self.nothing if mask is None else self.term(qkv, mask)
        bias = self.term(qkv, bias)
        if self.bias_trains or bias.shape[0] > 1:
            return bias, self.nothing if mask is None else self.term(qkv, mask)
        return self.nothing, bias if mask is None else bias + self.term(qkv, mask)

    def check(self, qkv: Tensor, scale: Tensor) -> None:
        """Refuse other shapes."""
        if qkv.ndim != 3 or qkv.shape[2] != 3 * self.width or scale.shape != (self.num_heads,):
            raise ValueError(
                f"attention: got tokens {qkv.shape} and scale {scale.shape}, expected "
                f"(B, N, {3 * self.width}) and ({self.num_heads},)"
            )

    def term(self, qkv: Tensor, term: Tensor) -> Tensor:
        """A bias or mask in float32, of a shape that fits."""
        n = qkv.shape[1]
        if term.ndim != 4 or term.shape[1] not in (1, self.num_heads) or term.shape[2:] != (n, n):
            raise ValueError(
                f"attention: got a bias or mask {term.shape}, expected (G, 1, {n}, {n}) or "
                f"(G, {self.num_heads}, {n}, {n})"
            )
        return ops.cast(term, mstype.float32)


def _with_term(scores: Tensor, term: Tensor) -> Tensor:
    """Scores (B, H, N, N) plus a term (G, 1 or H, N, N); sample b takes group b mod G."""
    _, heads, n, _ = scores.shape
    scores = scores.reshape(-1, term.shape[0], heads, n, n) + term  # (B / G, G, H, N, N)
    return scores.reshape(-1, heads, n, n)  # (B, H, N, N)


def _kernel(library: Path) -> ops.Custom:
    """(qkv, scale, bias, mask) -> mixed values (B, N, H d), log sums of scores (B, H, N)."""

    def shapes(qkv: list, scale: list, _bias: list, _mask: list) -> tuple:
        batch, tokens, width = qkv
        return (batch, tokens, width // 3), (batch, scale[0], tokens)

    def types(*_: Any) -> tuple:
        return mstype.float32, mstype.float32

    def like_three(qkv: Any, scale: Any, bias: Any, *_: Any) -> tuple:
        return qkv, scale, bias

    backward = compiled(library, "AttentionGradient", like_three, like_three)

    def bprop(
        qkv: Tensor, scale: Tensor, bias: Tensor, mask: Tensor, out: tuple, dout: tuple
    ) -> tuple:
        dqkv, dscale, dbias = backward(qkv, scale, bias, mask, out[0], out[1], dout[0])
        return dqkv, dscale, dbias, ops.zeros_like(mask)

    return compiled(library, "Attention", shapes, types, bprop)
