"""Self-attention under the parameter names of ``torch.nn.MultiheadAttention``."""

from __future__ import annotations

import numpy as np
from mindspore import Parameter, Tensor, nn, ops
from mindspore.common.initializer import Normal, initializer

from mindtune.layers.attention import AttentionInputs, SelfAttention
from mindtune.layers.linear import LinearMap, linear
from mindtune.layers.projection_update import NoUpdate


class PackedAttention(SelfAttention):
    """``in_proj_weight`` (3C, C) and ``in_proj_bias``, rows queries, keys, values; ``out_proj``.

    ``lora`` is the slot which LoRA tuning fills (``mindtune.tuning.lora``): other projections are
    Cells of their own, which it replaces.
    """

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__(dim, num_heads)
        self.in_proj_weight = Parameter(
            initializer(Normal(0.02), (3 * dim, dim)), name="in_proj_weight"
        )
        self.in_proj_bias = Parameter(initializer("zeros", (3 * dim,)), name="in_proj_bias")
        self.linear_map = LinearMap()
        self.lora: nn.Cell = NoUpdate()
        self.out_proj = linear(dim, dim)

    def project(self, x: Tensor) -> Tensor:
        weight, bias = ops.cast(self.in_proj_weight, x.dtype), ops.cast(self.in_proj_bias, x.dtype)
        return self.lora(x, self.linear_map(x, weight, bias))

    def output(self, x: Tensor) -> Tensor:
        return self.out_proj(x)


class CausalAttention(PackedAttention):
    """The same where each token sees itself and those before it.

    Args:
        dim: C.
        num_heads: H.
        longest: the largest N.
    """

    def __init__(self, dim: int, num_heads: int, longest: int) -> None:
        super().__init__(dim, num_heads)
        future = np.triu(np.full((longest, longest), -np.inf, np.float32), 1)
        self.future = Tensor(future)  # (longest, longest)

    def attention_inputs(self, x: Tensor) -> AttentionInputs:
        n = x.shape[1]
        return self.project(x), self.scales, None, self.future[:n, :n].reshape(1, 1, n, n)
