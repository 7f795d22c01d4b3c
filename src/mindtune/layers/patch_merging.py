"""Four neighbouring tokens to one of twice the width, between the stages of a Swin."""

from __future__ import annotations

from mindspore import Tensor, nn, ops

from mindtune.layers.linear import linear
from mindtune.layers.norm import LayerNorm
from mindtune.layers.permute import Permute
from mindtune.layers.windows import Grid


def merged_grid(grid: Grid) -> Grid:
    """Rows and columns after merging; an odd map is padded first."""
    return (grid[0] + 1) // 2, (grid[1] + 1) // 2


class PatchMerging(nn.Cell):
    """Tokens (B, HW, C) -> (B, HW / 4, 2C): concatenate 2 x 2 neighbours, norm, linear.

    Neighbours come in the order (even row, even column), (odd, even), (even, odd), (odd, odd). A
    map with an odd side gets a row or column of zeros, as in timm. Liu et al., ICCV 2021,
    section 3.1.
    """

    def __init__(self, dim: int, grid: Grid, norm_eps: float) -> None:
        super().__init__()
        self.dim = dim
        self.grid = grid
        self.by_square = Permute(0, 1, 3, 4, 2, 5)
        self.reduction = linear(4 * dim, 2 * dim, bias=False)
        self.norm = LayerNorm(self.norm_width(), norm_eps)

    def norm_width(self) -> int:
        """Channels that the norm sees."""
        return 4 * self.dim

    def neighbours(self, x: Tensor) -> Tensor:
        """Each 2 x 2 square of tokens as one, (B, HW / 4, 4C)."""
        (height, width), (rows, columns) = self.grid, merged_grid(self.grid)
        x = x.reshape(-1, height, width, self.dim)  # (B, H, W, C)
        if height % 2 + width % 2 > 0:
            x = ops.pad(x, (0, 0, 0, width % 2, 0, height % 2))
        x = x.reshape(-1, rows, 2, columns, 2, self.dim)  # (B, H / 2, 2, W / 2, 2, C)
        x = self.by_square(x)  # (B, H / 2, W / 2, column, row, C)
        return x.reshape(-1, rows * columns, 4 * self.dim)  # (B, HW / 4, 4C)

    def construct(self, x: Tensor) -> Tensor:
        return self.reduction(self.norm(self.neighbours(x)))


class PatchMergingPostNorm(PatchMerging):
    """The same of Swin V2 (Liu et al., CVPR 2022): linear first, then the norm over 2C."""

    def norm_width(self) -> int:
        return 2 * self.dim

    def construct(self, x: Tensor) -> Tensor:
        return self.norm(self.reduction(self.neighbours(x)))
