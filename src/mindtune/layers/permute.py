"""Axes that change places."""

from __future__ import annotations

from mindspore import Tensor, nn, ops
from mindspore import dtype as mstype

from mindtune.ops.permuted_axes import order_of, permutation_kernel
from mindtune.ops.two_paths import TwoPaths


class Permute(nn.Cell, TwoPaths):
    """Axis i of the result is axis ``axes[i]`` of the input, which has any type of floats.

    On the CPU a kernel copies: MindSpore's operator keeps the place of every number that it moves,
    8 bytes each, as long as the graph lives.
    """

    def __init__(self, *axes: int) -> None:
        super().__init__()
        self.axes = axes
        library = self.choose_path(devices=("CPU",))
        if library is not None:
            self.order = order_of(axes)
            self.kernel = permutation_kernel(library)

    def construct(self, x: Tensor) -> Tensor:
        if not self.uses_kernel:
            return ops.transpose(x, self.axes)
        return ops.cast(self.kernel(ops.cast(x, mstype.float32), self.order), x.dtype)
