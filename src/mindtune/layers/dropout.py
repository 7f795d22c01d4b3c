"""Dropout whose masks a resumed run draws again."""

from __future__ import annotations

import math

from mindspore import Tensor, nn, ops
from mindspore import dtype as mstype

from mindtune.layers.random import RandomLayer
from mindtune.ops.row_maps import dropout_kernel
from mindtune.ops.two_paths import TwoPaths


class Dropout(RandomLayer, TwoPaths):
    """Set each number to zero with probability ``rate``, in training only; the rest grows to match.

    Kept numbers are divided by ``1 - rate``. Srivastava et al., JMLR 2014.

    Args:
        rate: 0 <= rate < 1.
        rows_per_image: how many entries of the first axis an image has (windows of Swin), so that
            ranks together draw what one process with the whole batch would.
    """

    def __init__(self, rate: float, rows_per_image: int = 1) -> None:
        super().__init__()
        self.keep = 1.0 - rate
        self.rows_per_image = rows_per_image
        library = self.choose_path(devices=("CPU",))
        if library is not None:
            self.share = Tensor([self.keep], mstype.float32)
            self.kernel = dropout_kernel(library)

    def construct(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        rows = x.shape[0]
        first = self.first_sample * self.rows_per_image
        if self.uses_kernel:
            hashes = self.row_hashes(rows, first)
            dropped = self.kernel(ops.cast(x, mstype.float32), hashes, self.share)
            return ops.cast(dropped, x.dtype)
        drawn = self.uniform_table(rows, math.prod(x.shape[1:]), first)
        kept = ops.cast(drawn < self.keep, x.dtype) / self.keep
        return x * kept.reshape(x.shape)


def dropout(rate: float, rows_per_image: int = 1) -> nn.Cell:
    """A ``Dropout`` Cell, or the identity where nothing is ever dropped."""
    return Dropout(rate, rows_per_image) if rate > 0 else nn.Identity()
