"""Batch normalisation by stored statistics under PyTorch's parameter names."""

from __future__ import annotations

from mindspore import Parameter, Tensor, nn, ops
from mindspore import dtype as mstype
from mindspore.common.initializer import initializer


class FrozenBatchNorm(nn.Cell):
    """``(x - running_mean) / sqrt(running_var + eps) * weight + bias``, channels last (..., C).

    The statistics are the stored ones, in training too, and never change: tuning on a few images
    must not replace those of the pre-training. Scale and shift (``weight``, ``bias``) can train.
    Computed in float32.

    Args:
        channels: C.
        eps: inside the root.
        weight_init: ``ones``, or ``zeros`` for the last norm of a residual branch.
    """

    def __init__(self, channels: int, eps: float, weight_init: str = "ones") -> None:
        super().__init__()
        shape = (channels,)
        self.eps = eps
        self.weight = Parameter(initializer(weight_init, shape), name="weight")
        self.bias = Parameter(initializer("zeros", shape), name="bias")
        self.running_mean = Parameter(
            initializer("zeros", shape), name="running_mean", requires_grad=False
        )
        self.running_var = Parameter(
            initializer("ones", shape), name="running_var", requires_grad=False
        )

    def construct(self, x: Tensor) -> Tensor:
        scale = self.weight * ops.rsqrt(self.running_var + self.eps)  # (C,)
        return ops.cast(x, mstype.float32) * scale + (self.bias - self.running_mean * scale)
