"""Group normalisation with one group."""

from __future__ import annotations

from mindspore import Parameter, Tensor, nn, ops
from mindspore import dtype as mstype
from mindspore.common.initializer import initializer


class MapNorm(nn.Cell):
    """GroupNorm with one group: each map of (B, H, W, C) or (B, N, C) over all numbers, float32.

    ``weight`` and ``bias`` (C,) are per channel; population variance, ``eps`` inside the root.
    """

    def __init__(self, channels: int, eps: float) -> None:
        super().__init__()
        self.weight = Parameter(initializer("ones", (channels,)), name="weight")
        self.bias = Parameter(initializer("zeros", (channels,)), name="bias")
        self.normalise = ops.LayerNorm(begin_norm_axis=1, begin_params_axis=-1, epsilon=eps)

    def construct(self, maps: Tensor) -> Tensor:
        return self.normalise(ops.cast(maps, mstype.float32), self.weight, self.bias)[0]
