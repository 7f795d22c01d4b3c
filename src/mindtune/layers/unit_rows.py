"""Rows brought to length 1, or to lengths of their own."""

from __future__ import annotations

import math

from mindspore import Tensor, nn, ops
from mindspore import dtype as mstype

from mindtune.ops.row_maps import unit_rows_kernel
from mindtune.ops.two_paths import TwoPaths

SMALLEST_NORM = 1e-12  # as torch's normalize


class UnitRows(nn.Cell, TwoPaths):
    """``x / max(|x|, 1e-12)`` over the last axis, float32, with a finite gradient at zero.

    With lengths, each row is multiplied by its own: torch's weight norm. MindSpore's CPU operators
    would keep a table of 16 bytes for every number that they broadcast over.
    """

    def __init__(self) -> None:
        super().__init__()
        library = self.choose_path(devices=("CPU",))
        if library is not None:
            self.kernel = unit_rows_kernel(library)

    def construct(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """``x`` (..., D) and, if given, lengths (rows,) of all its rows."""
        x = ops.cast(x, mstype.float32)
        if self.uses_kernel:
            rows = math.prod(x.shape[:-1])
            return self.kernel(x, ops.ones(rows, mstype.float32) if lengths is None else lengths)
        square = ops.sum(x * x, dim=-1, keepdim=True)
        units = x * ops.rsqrt(ops.maximum(square, Tensor(SMALLEST_NORM**2, mstype.float32)))
        return units if lengths is None else units * lengths.reshape(*x.shape[:-1], 1)
