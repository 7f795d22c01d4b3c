"""Multi-head self-attention with one packed projection for queries, keys and values."""

from __future__ import annotations

from mindspore import Tensor, nn, ops
from mindspore import dtype as mstype

from mindtune.errors import ConfigError
from mindtune.layers.linear import linear


class Attention(nn.Cell):
    """Self-attention, tokens (B, N, C) -> (B, N, C); Vaswani et al. 2017.

    Rows of ``qkv.weight`` (3C, C) are queries, keys, values; inside each, head after head. The
    scale (C / heads)^-0.5 multiplies the query.
    """

    def __init__(self, dim: int, num_heads: int, qkv_bias: bool = True) -> None:
        super().__init__()
        if dim % num_heads:
            raise ConfigError(f"num_heads: got {num_heads}, expected a divisor of the width {dim}")
        self.num_heads = num_heads
        self.head_dim = dim // num_heads
        self.scale = self.head_dim**-0.5
        self.qkv = linear(dim, 3 * dim, bias=qkv_bias)
        self.proj = linear(dim, dim)
        self.product = ops.BatchMatMul()

    def weights_and_values(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Attention weights (B, H, N, N), rows summing to 1, and values (B, H, N, d)."""
        b, n, c = x.shape
        q, k, v = ops.split(self.qkv(x), c, axis=-1)  # 3 x (B, N, C)
        heads = (b, n, self.num_heads, self.head_dim)
        q = ops.transpose(q.reshape(heads) * self.scale, (0, 2, 1, 3))  # (B, H, N, d)
        k = ops.transpose(k.reshape(heads), (0, 2, 3, 1))  # (B, H, d, N)
        v = ops.transpose(v.reshape(heads), (0, 2, 1, 3))  # (B, H, N, d)
        scores = ops.cast(self.product(q, k), mstype.float32)
        return ops.softmax(scores, axis=-1), v

    def construct(self, x: Tensor) -> Tensor:
        weights, v = self.weights_and_values(x)
        mixed = self.product(ops.cast(weights, v.dtype), v)  # (B, H, N, d)
        mixed = ops.transpose(mixed, (0, 2, 1, 3))  # (B, N, H, d)
        return self.proj(mixed.reshape(x.shape))  # (B, N, C)
