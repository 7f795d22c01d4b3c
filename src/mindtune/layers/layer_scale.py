"""Layer scale."""

from __future__ import annotations

from mindspore import Parameter, Tensor, nn
from mindspore.common.initializer import initializer

from mindtune.layers.channel_map import ChannelScale


class LayerScale(nn.Cell):
    """A learned factor a channel on a residual branch, (..., C) -> (..., C).

    Touvron et al., "Going deeper with image transformers", ICCV 2021.
    """

    def __init__(self, dim: int, init: float) -> None:
        super().__init__()
        self.gamma = Parameter(initializer(init, (dim,)), name="gamma")
        self.scale = ChannelScale()

    def construct(self, branch: Tensor) -> Tensor:
        return self.scale(branch, self.gamma)


def layer_scale(dim: int, init: float | None) -> nn.Cell:
    """A ``LayerScale`` Cell, or the identity where ``init`` is None."""
    return nn.Identity() if init is None else LayerScale(dim, init)
