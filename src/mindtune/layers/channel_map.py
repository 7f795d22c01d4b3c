"""A factor a channel, or a factor and a shift."""

from __future__ import annotations

from mindspore import Tensor, nn, ops
from mindspore import dtype as mstype

from mindtune.ops.row_maps import channel_map_kernel
from mindtune.ops.two_paths import TwoPaths


class ChannelMap(nn.Cell, TwoPaths):
    """``x scale + shift`` of x (..., C), scale (C,) and shift (C,), in float32.

    It holds no parameters: what holds them calls it. MindSpore's CPU operators keep a table of 16
    bytes for every number that they broadcast over, as long as the graph lives.
    """

    def __init__(self) -> None:
        super().__init__()
        library = self.choose_path(devices=("CPU",))
        if library is not None:
            self.kernel = channel_map_kernel(library)

    def construct(self, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        x = ops.cast(x, mstype.float32)
        if self.uses_kernel:
            return self.kernel(x, scale, shift)
        return x * scale + shift


class ChannelScale(nn.Cell):
    """``x scale`` of x (..., C) and scale (C,), of the type of x."""

    def __init__(self) -> None:
        super().__init__()
        self.channel_map = ChannelMap()

    def construct(self, x: Tensor, scale: Tensor) -> Tensor:
        if self.channel_map.uses_kernel:
            return ops.cast(self.channel_map(x, scale, ops.zeros_like(scale)), x.dtype)
        return x * scale


def add_to_channels(x: Tensor, shift: Tensor) -> Tensor:
    """``x + shift`` of x (..., C) and shift (C,), without the table, on every device."""
    shape = x.shape
    return ops.bias_add(x.reshape(-1, shape[-1]), shift).reshape((-1, *shape[1:]))
