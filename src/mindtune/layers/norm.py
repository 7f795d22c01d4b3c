"""Layer normalisation under PyTorch's parameter names."""

from __future__ import annotations

from mindspore import Parameter, Tensor, nn, ops
from mindspore import dtype as mstype
from mindspore.common.initializer import initializer


class LayerNorm(nn.Cell):
    """LayerNorm over the last axis, in float32: population variance, ``eps`` inside the root.

    ``eps`` has no default: the networks of this package use 1e-5, 1e-6 and 1e-12, and MindSpore's
    own default (1e-7) belongs to none of them. Parameters are called ``weight`` and ``bias``.
    """

    def __init__(self, dim: int, eps: float) -> None:
        super().__init__()
        self.weight = Parameter(initializer("ones", (dim,)), name="weight")
        self.bias = Parameter(initializer("zeros", (dim,)), name="bias")
        self.normalise = ops.LayerNorm(begin_norm_axis=-1, begin_params_axis=-1, epsilon=eps)

    def construct(self, x: Tensor) -> Tensor:
        return self.normalise(ops.cast(x, mstype.float32), self.weight, self.bias)[0]
