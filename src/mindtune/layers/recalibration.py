"""The place in a block where a tuning may recalibrate the perceptron's branch."""

from __future__ import annotations

from collections.abc import Callable

from mindspore import Tensor, nn

from mindtune.layers.linear import linear


class NoRecalibration(nn.Cell):
    """The block's recalibration slot left empty: the branch passes unchanged.

    Attributes:
        dim: width C of the block, which whoever fills the slot needs to know.
        layer: makes dense layers of the kind that the block has, started as the authors' code does.
    """

    def __init__(self, dim: int, layer: Callable[..., nn.Cell] = linear) -> None:
        super().__init__()
        self.dim, self.layer = dim, layer

    def construct(self, tokens: Tensor, branch: Tensor) -> Tensor:
        return branch
