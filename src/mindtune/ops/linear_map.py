"""The compiled form of a linear layer."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from mindspore import Tensor

from mindtune.ops.kernel_library import Kernel, compiled, like_first
from mindtune.ops.row_maps import row_sum_kernel


def _to_outputs(x: list, weight: list, *_: list) -> list:
    return [*x[:-1], weight[0]]


@cache
def linear_kernel(library: Path, has_bias: bool) -> Kernel:
    """x (..., I), weight (O, I) and, where the layer has one, bias (O,) -> y (..., O), float32.

    Each gradient is an operator of its own, which a compiled graph leaves out where nobody wants
    it: that of frozen weights, or of the input of a network.
    """

    def to_inputs(dy: list, weight: list) -> list:
        return [*dy[:-1], weight[1]]

    def to_weights(dy: list, x: list) -> list:
        return [dy[-1], x[-1]]

    to_input = compiled(library, "LinearInputGradient", to_inputs, like_first)
    to_weight = compiled(library, "LinearWeightGradient", to_weights, like_first)
    to_bias = row_sum_kernel(library)

    def bprop_biased(x: Tensor, weight: Tensor, bias: Tensor, out: Tensor, dout: Tensor) -> tuple:
        return to_input(dout, weight), to_weight(dout, x), to_bias(dout)

    def bprop(x: Tensor, weight: Tensor, out: Tensor, dout: Tensor) -> tuple:
        return to_input(dout, weight), to_weight(dout, x)

    if has_bias:
        return compiled(library, "Linear", _to_outputs, like_first, bprop_biased)
    return compiled(library, "LinearWithoutBias", _to_outputs, like_first, bprop)
