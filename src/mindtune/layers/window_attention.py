"""Self-attention inside windows, with a bias for every relative position."""

from __future__ import annotations

from mindspore import Parameter, Tensor
from mindspore.common.initializer import Normal, initializer

from mindtune.layers.attention import Attention, AttentionInputs
from mindtune.layers.relative_position import PositionBias, relative_position_index
from mindtune.layers.windows import Windows


class WindowAttention(Attention):
    """Attention of Swin, windows (B * nW, N, C) -> (B * nW, N, C).

    ``softmax(q k^T / sqrt(d) + bias + mask) v``, with the bias of each head from
    ``relative_position_bias_table`` ((2 wh - 1)(2 ww - 1), H). Index and mask are derived from the
    window, never trained or stored. Liu et al., "Swin Transformer", ICCV 2021, section 3.2.
    """

    def __init__(self, dim: int, num_heads: int, windows: Windows) -> None:
        super().__init__(dim, num_heads)
        self.rows_per_image = windows.count
        rows, columns = windows.window
        table = initializer(Normal(0.02), ((2 * rows - 1) * (2 * columns - 1), num_heads))
        self.relative_position_bias_table = Parameter(table, name="relative_position_bias_table")
        self.bias_of = PositionBias()
        self.index = Tensor(relative_position_index(rows, columns))
        self.mask = Tensor(windows.mask()[:, None])  # (nW or 1, 1, N, N)
        self.is_shifted = sum(windows.shift) > 0

    def bias_parameters(self) -> list[Parameter]:
        return [self.relative_position_bias_table]

    def bias(self) -> Tensor:
        """Bias of the scores, (1, H, N, N)."""
        return self.bias_of(self.relative_position_bias_table, self.index)[None]

    def attention_inputs(self, x: Tensor) -> AttentionInputs:
        return self.project(x), self.scales, self.bias(), self.mask if self.is_shifted else None
