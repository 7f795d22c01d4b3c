"""Attention with a relative position bias over a class token and a patch grid."""

from __future__ import annotations

from mindspore import Parameter, Tensor, nn
from mindspore.common.initializer import initializer

from mindtune.layers.attention import NoKeyBiasAttention
from mindtune.layers.relative_position import PositionBias, index_with_class_token
from mindtune.layers.windows import Grid

_CLASS_TOKEN_ROWS = 3


class RelativePositionBias(nn.Cell):
    """A bias for every head, query and key, (H, 1 + N, 1 + N), that all blocks share.

    It is looked up in ``relative_position_bias_table`` ((2 rows - 1)(2 columns - 1) + 3, H), which
    starts at zero. BEiT (Bao et al., ICLR 2022).
    """

    def __init__(self, grid: Grid, num_heads: int) -> None:
        super().__init__()
        self.relative_position_bias_table = _table(grid, num_heads)
        self.bias_of = PositionBias()
        self.index = Tensor(index_with_class_token(*grid))

    def construct(self) -> Tensor:
        return self.bias_of(self.relative_position_bias_table, self.index)


class BiasedAttention(NoKeyBiasAttention):
    """Attention whose scores get a bias from outside, as shared by all blocks."""

    def attend(self, x: Tensor, bias: Tensor) -> Tensor:
        """Tokens (B, N, C) and bias (H, N, N) -> (B, N, C)."""
        return self.output(self.attention(self.project(x), self.scales, bias[None]))

    def biased_weights_and_values(self, x: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """Attention weights (B, H, N, N), rows summing to 1, and values (B, H, N, d)."""
        return self.attention.weights_and_values(self.project(x), self.scales, bias[None])


class OwnBiasAttention(BiasedAttention):
    """The same with a table of its own, in which ``bias`` looks up what ``attend`` wants."""

    def __init__(self, dim: int, num_heads: int, grid: Grid) -> None:
        super().__init__(dim, num_heads)
        self.relative_position_bias_table = _table(grid, num_heads)
        self.bias_of = PositionBias()
        self.index = Tensor(index_with_class_token(*grid))

    def bias_parameters(self) -> list[Parameter]:
        return [self.relative_position_bias_table]

    def bias(self) -> Tensor:
        """Bias of the scores, (H, 1 + N, 1 + N)."""
        return self.bias_of(self.relative_position_bias_table, self.index)


def _table(grid: Grid, num_heads: int) -> Parameter:
    rows = (2 * grid[0] - 1) * (2 * grid[1] - 1) + _CLASS_TOKEN_ROWS
    zeros = initializer("zeros", (rows, num_heads))
    return Parameter(zeros, name="relative_position_bias_table")
