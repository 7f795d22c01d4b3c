"""The place in a block where a tuning may recalibrate the perceptron's branch."""

from __future__ import annotations

from mindspore import Tensor, nn


class NoRecalibration(nn.Cell):
    """The block's recalibration slot left empty: the branch passes unchanged.

    Attributes:
        dim: width C of the block, which whoever fills the slot needs to know.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def construct(self, tokens: Tensor, branch: Tensor) -> Tensor:
        return branch
