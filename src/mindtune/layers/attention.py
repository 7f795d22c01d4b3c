"""Multi-head self-attention with one packed projection for queries, keys and values."""

from __future__ import annotations

from typing import Optional

import numpy as np
from mindspore import Parameter, Tensor, nn, ops
from mindspore.common.initializer import initializer

from mindtune.errors import ConfigError
from mindtune.layers.channel_map import add_to_channels
from mindtune.layers.linear import linear
from mindtune.ops.attention import SoftmaxAttention

# Packed queries, keys and values (B, N, 3C), scale (H,), bias and mask (G, 1 or H, N, N) or None.
AttentionInputs = tuple[Tensor, Tensor, Optional[Tensor], Optional[Tensor]]


class SelfAttention(nn.Cell):
    """Self-attention, tokens (B, N, C) -> (B, N, C), without its parameters; Vaswani et al. 2017.

    The scale (C / heads)^-0.5 multiplies the query. Subclasses hold the parameters under their
    library's names and give ``project`` and ``output``, and ``attention_inputs`` where scores get
    a bias or a mask. What is between the two projections is ``mindtune.ops.SoftmaxAttention``;
    whoever wants the weights themselves takes ``weights_and_values`` and ``mix``.

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
        self.scales = Tensor(np.full(num_heads, self.scale, np.float32))  # (H,)
        self.attention = SoftmaxAttention(num_heads, self.head_dim)
        self.rows_per_image = 1

    def project(self, x: Tensor) -> Tensor:
        """Queries, keys and values side by side, (B, N, 3C); inside each, head after head."""
        raise NotImplementedError

    def output(self, x: Tensor) -> Tensor:
        """The projection of what the heads found, (B, N, C) -> (B, N, C)."""
        raise NotImplementedError

    def attention_inputs(self, x: Tensor) -> AttentionInputs:
        """What ``SoftmaxAttention`` takes."""
        return self.project(x), self.scales, None, None

    def bias_parameters(self) -> list[Parameter]:
        """What of this layer the bias of its scores is made of; nothing where it comes from outside
        or there is none.
        """
        return []

    def weights_and_values(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Attention weights (B, H, N, N), rows summing to 1, and values (B, H, N, d)."""
        qkv, scale, bias, mask = self.attention_inputs(x)
        return self.attention.weights_and_values(qkv, scale, bias, mask)

    def mix(self, weights: Tensor, v: Tensor) -> Tensor:
        """Values averaged by the weights (B, H, M, N) and projected, (B, M, C)."""
        return self.output(self.attention.mix(weights, v))

    def construct(self, x: Tensor) -> Tensor:
        qkv, scale, bias, mask = self.attention_inputs(x)
        return self.output(self.attention(qkv, scale, bias, mask))


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
        return add_to_channels(packed, ops.cast(bias, packed.dtype))
