"""The compiled form of rows times, and plus, a number a channel, a sample or a row."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

from mindspore import Tensor, ops

from mindtune.ops.kernel_library import Kernel, compiled, like_first


def _channels(rows: list, *_: list) -> list:
    return [rows[-1]]


@cache
def row_sum_kernel(library: Path) -> Kernel:
    """x (..., C) -> its sum over all rows (C,), float32, without a gradient."""
    return compiled(library, "RowsSum", _channels, like_first)


@cache
def channel_map_kernel(library: Path) -> Kernel:
    """x (..., C), scale (C,), shift (C,) -> x scale + shift, float32.

    Each gradient is an operator of its own, which a compiled graph leaves out where nobody wants
    it.
    """
    to_input = compiled(library, "ChannelMapInputGradient", like_first, like_first)
    to_scale = compiled(library, "RowProductsSum", _channels, like_first)
    to_shift = row_sum_kernel(library)

    def bprop(x: Tensor, scale: Tensor, shift: Tensor, out: Tensor, dout: Tensor) -> tuple:
        return to_input(dout, scale), to_scale(x, dout), to_shift(dout)

    return compiled(library, "ChannelMap", like_first, like_first, bprop)


@cache
def sample_scale_kernel(library: Path) -> Kernel:
    """x (B, ...), factors (B,) -> x times its sample's factor, float32; factors are constants."""
    to_input = compiled(library, "SampleScaleGradient", like_first, like_first)

    def bprop(x: Tensor, factors: Tensor, out: Tensor, dout: Tensor) -> tuple:
        return to_input(dout, factors), ops.zeros_like(factors)

    return compiled(library, "SampleScale", like_first, like_first, bprop)


@cache
def dropout_kernel(library: Path) -> Kernel:
    """x (R, ...), hashes of the rows int32 (R,), share to keep (1,) -> x with numbers dropped.

    float32. A number's fate is a hash of its row's and of its place in the row
    (``mindtune.layers.random``), found again on the way back: no mask is kept.
    """
    to_input = compiled(library, "DropoutGradient", like_first, like_first)

    def bprop(x: Tensor, hashes: Tensor, keep: Tensor, out: Tensor, dout: Tensor) -> tuple:
        return to_input(dout, hashes, keep), ops.zeros_like(hashes), ops.zeros_like(keep)

    return compiled(library, "Dropout", like_first, like_first, bprop)


@cache
def unit_rows_kernel(library: Path) -> Kernel:
    """x (..., D), lengths (rows,) -> length x / max(|x|, 1e-12) of each row, float32.

    Each gradient is an operator of its own, as above.
    """

    def rows(x: list, *_: list) -> list:
        return [math.prod(x[:-1])]

    to_input = compiled(library, "UnitRowsInputGradient", like_first, like_first)
    to_lengths = compiled(library, "UnitRowsLengthGradient", rows, like_first)

    def bprop(x: Tensor, lengths: Tensor, out: Tensor, dout: Tensor) -> tuple:
        return to_input(x, lengths, dout), to_lengths(x, dout)

    return compiled(library, "UnitRows", like_first, like_first, bprop)
