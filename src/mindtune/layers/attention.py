"""Multi-head self-attention with one packed projection for queries, keys and values."""

from __future__ import annotations

from mindspore import Parameter, Tensor, nn, ops
from mindspore import dtype as mstype
from mindspore.common.initializer import initializer

from mindtune.errors import ConfigError
from mindtune.layers.linear import linear


class SelfAttention(nn.Cell):
    """Self-attention, tokens (B, N, C) -> (B, N, C), without its parameters; Vaswani et al. 2017.

    The scale (C / heads)^-0.5 multiplies the query. Subclasses hold the parameters under their
    library's names and give ``project`` and ``output``.

    Attributes:
        rows_per_image: how many entries of the first axis an image has: its windows, else 1.

    Raises:
        ConfigError: heads which do not divide the width.
    """

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        if dim % num_heads:
            raise ConfigError(f"num_heads: got {num_heads}, expected a divisor of the width {dim}")
        self.dim = dim
        self.num_heads = num_heads
        self.head_dim = dim // num_heads
        self.scale = self.head_dim**-0.5
        self.product = ops.BatchMatMul()
        self.rows_per_image = 1

    def project(self, x: Tensor) -> Tensor:
        """Queries, keys and values side by side, (B, N, 3C); inside each, head after head."""
        raise NotImplementedError

    def output(self, x: Tensor) -> Tensor:
        """The projection of what the heads found, (B, N, C) -> (B, N, C)."""
        raise NotImplementedError

    def queries_keys_values(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Unscaled queries (B, H, N, d), keys (B, H, d, N) and values (B, H, N, d)."""
        q, k, v = ops.split(self.project(x), self.dim, axis=-1)  # 3 x (B, N, C)
        heads = (-1, x.shape[1], self.num_heads, self.head_dim)
        q = ops.transpose(q.reshape(heads), (0, 2, 1, 3))  # (B, H, N, d)
        k = ops.transpose(k.reshape(heads), (0, 2, 3, 1))  # (B, H, d, N)
        v = ops.transpose(v.reshape(heads), (0, 2, 1, 3))  # (B, H, N, d)
        return q, k, v

    def scores_and_values(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Similarities before the softmax (B, H, N, N) in float32, and values (B, H, N, d)."""
        q, k, v = self.queries_keys_values(x)
        return ops.cast(self.product(q * self.scale, k), mstype.float32), v

    def weights_and_values(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Attention weights (B, H, N, N), rows summing to 1, and values (B, H, N, d)."""
        scores, v = self.scores_and_values(x)
        return ops.softmax(scores, axis=-1), v

    def mix(self, weights: Tensor, v: Tensor) -> Tensor:
        """Values averaged by the weights (B, H, N, N) and projected, (B, N, C)."""
        mixed = self.product(ops.cast(weights, v.dtype), v)  # (B, H, N, d)
        mixed = ops.transpose(mixed, (0, 2, 1, 3))  # (B, N, H, d)
        return self.output(mixed.reshape(-1, mixed.shape[1], self.dim))  # (B, N, C)

    def construct(self, x: Tensor) -> Tensor:
        weights, v = self.weights_and_values(x)
        return self.mix(weights, v)


class Attention(SelfAttention):
    """Self-attention under timm's names: ``qkv.weight`` (3C, C), rows queries, keys, values."""

    def __init__(self, dim: int, num_heads: int, qkv_bias: bool = True) -> None:
        super().__init__(dim, num_heads)
        self.qkv = linear(dim, 3 * dim, bias=qkv_bias)
        self.proj = linear(dim, dim)

    def project(self, x: Tensor) -> Tensor:
        return self.qkv(x)

    def output(self, x: Tensor) -> Tensor:
        return self.proj(x)


class NoKeyBiasAttention(Attention):
    """Attention whose keys have no bias: ``q_bias`` and ``v_bias`` (C,) are its parameters.

    A bias of the keys adds the same number to all scores of a query, which the softmax takes away.
    BEiT (Bao et al., ICLR 2022) and Swin V2 (Liu et al., CVPR 2022) leave it out.
    """

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__(dim, num_heads, qkv_bias=False)
        self.q_bias = Parameter(initializer("zeros", (dim,)), name="q_bias")
        self.v_bias = Parameter(initializer("zeros", (dim,)), name="v_bias")

    def project(self, x: Tensor) -> Tensor:
        packed = self.qkv(x)  # (B, N, 3C)
        bias = ops.concat((self.q_bias, ops.zeros_like(self.q_bias), self.v_bias))  # (3C,)
        return packed + ops.cast(bias, packed.dtype)
