"""Layer normalisation under PyTorch's parameter names."""

from __future__ import annotations

import numpy as np
from mindspore import Parameter, Tensor, nn, ops
from mindspore import dtype as mstype
from mindspore.common.initializer import initializer

from mindtune.ops.layer_norm import layer_norm_kernel
from mindtune.ops.two_paths import TwoPaths


class LayerNorm(nn.Cell, TwoPaths):
    """LayerNorm over the last axis, in float32: population variance, ``eps`` inside the root.

    ``eps`` has no default: the networks of this package use 1e-5, 1e-6 and 1e-12, and MindSpore's
    own default (1e-7) belongs to none of them. Parameters are called ``weight`` and ``bias``.
    """

    def __init__(self, dim: int, eps: float) -> None:
        super().__init__()
        self.weight = Parameter(initializer("ones", (dim,)), name="weight")
        self.bias = Parameter(initializer("zeros", (dim,)), name="bias")
        self.normalise = ops.LayerNorm(begin_norm_axis=-1, begin_params_axis=-1, epsilon=eps)
        library = self.choose_path(devices=("CPU",))
        if library is not None:
            self.eps = Tensor(np.array([eps], np.float32))
            self.kernel = layer_norm_kernel(library)

    def construct(self, x: Tensor) -> Tensor:
        x = ops.cast(x, mstype.float32)
        if self.uses_kernel:
            return self.kernel(x, self.weight, self.bias, self.eps)[0]
        return self.normalise(x, self.weight, self.bias)[0]
