"""Self-attention of Swin V2: cosine similarity and a continuous position bias."""

from __future__ import annotations

import math

import numpy as np
from mindspore import Parameter, Tensor, nn, ops
from mindspore import dtype as mstype
from mindspore.common.initializer import initializer

from mindtune.layers.attention import AttentionInputs, NoKeyBiasAttention
from mindtune.layers.linear import linear
from mindtune.layers.relative_position import PositionBias, relative_position_index
from mindtune.layers.unit_rows import UnitRows
from mindtune.layers.windows import Grid, Windows

_HIDDEN = 512  # width of the perceptron that makes the biases
LARGEST_BIAS = 16.0
LARGEST_LOG_SCALE = math.log(100.0)


def log_spaced_offsets(window: Grid) -> np.ndarray:
    """Offsets (row, column) of keys from queries, float32 ((2 wh - 1)(2 ww - 1), 2).

    ``sign(u) log2(1 + |u|) / 3`` with u running from -8 to 8: 1.0566 at the window's end.
    """
    axes = [8 * np.arange(1 - size, size) / max(size - 1, 1) for size in window]
    offsets = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, 2)
    return (np.sign(offsets) * np.log2(1 + np.abs(offsets)) / 3).astype(np.float32)


class CosineWindowAttention(NoKeyBiasAttention):
    """Attention of Swin V2, windows (B * nW, N, C) -> (B * nW, N, C).

    ``softmax(cos(q, k) * min(exp(logit_scale), 100) + 16 sigmoid(cpb_mlp(offset)) + mask) v``, in
    float32, with ``logit_scale`` (H, 1, 1) and ``cpb_mlp`` a perceptron 2 -> 512 -> H with ReLU.
    Liu et al., "Swin Transformer V2", CVPR 2022, sections 3.3 and 3.4; Feature Distillation
    (arXiv 2205.14141) trains its Swin students with it, under the name ``rpe_mlp``.
    """

    def __init__(self, dim: int, num_heads: int, windows: Windows) -> None:
        super().__init__(dim, num_heads)
        self.rows_per_image = windows.count
        start = initializer(math.log(10.0), (num_heads, 1, 1))
        self.logit_scale = Parameter(start, name="logit_scale")
        hidden, out = linear(2, _HIDDEN), linear(_HIDDEN, num_heads, bias=False)
        self.cpb_mlp = nn.SequentialCell(hidden, nn.ReLU(), out)
        self.offsets = Tensor(log_spaced_offsets(windows.window))
        self.bias_of = PositionBias()
        self.to_units = UnitRows()
        self.index = Tensor(relative_position_index(*windows.window))
        self.mask = Tensor(windows.mask()[:, None])  # (nW or 1, 1, N, N)
        self.is_shifted = sum(windows.shift) > 0

    def bias_parameters(self) -> list[Parameter]:
        return list(self.cpb_mlp.get_parameters())

    def bias(self) -> Tensor:
        """Bias of the scores, (1, H, N, N)."""
        table = ops.cast(self.cpb_mlp(self.offsets), mstype.float32)  # (R, H)
        return LARGEST_BIAS * ops.sigmoid(self.bias_of(table, self.index))[None]

    def attention_inputs(self, x: Tensor) -> AttentionInputs:
        packed = ops.cast(self.project(x), mstype.float32)  # (B * nW, N, 3C)
        queries_keys, v = ops.split(packed, (2 * self.dim, self.dim), axis=-1)
        heads = queries_keys.reshape(-1, x.shape[1], 2 * self.num_heads, self.head_dim)
        packed = ops.concat(
            (self.to_units(heads).reshape(queries_keys.shape), v), -1
        )  # (B * nW, N, 3C)
        scale = ops.exp(ops.minimum(self.logit_scale, LARGEST_LOG_SCALE)).reshape(-1)  # (H,)
        return packed, scale, self.bias(), self.mask if self.is_shifted else None
