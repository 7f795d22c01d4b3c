"""The two-layer perceptron of a transformer block."""

from __future__ import annotations

from mindspore import Tensor, nn

from mindtune.layers.activations import GELU
from mindtune.layers.linear import linear


class Mlp(nn.Cell):
    """Linear, exact GELU, linear: (..., C) -> (..., C)."""

    def __init__(self, dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.fc1 = linear(dim, hidden_dim)
        self.act = GELU()
        self.fc2 = linear(hidden_dim, dim)

    def construct(self, x: Tensor) -> Tensor:
        return self.fc2(self.act(self.fc1(x)))
