"""The compiled form of a convolution of maps whose channels come last."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from mindspore import Tensor, ops

from mindtune.ops.kernel_library import Kernel, compiled, like_first


def geometry_of(kernel: int, stride: int, padding: int) -> Tensor:
    """What ``convolution_kernel`` takes as such; it speaks by its shape (stride, padding + 1, k).

    Shapes of results must follow from those of arguments alone (see ``compiled``).
    """
    return Tensor(np.zeros((stride, padding + 1, kernel), np.int32))


@cache
def convolution_kernel(library: Path) -> Kernel:
    """maps (B, H, W, C), weight (O, k, k, C), geometry -> (B, H', W', O), float32.

    A thread unfolds no more than 2 MiB of windows at a time. Each gradient is an operator of its
    own, which a compiled graph leaves out where nobody wants it.
    """

    def result(maps: list, weight: list, geometry: list) -> list:
        stride, twice = geometry[0], 2 * (geometry[1] - 1)
        rows, columns = ((side + twice - weight[1]) // stride + 1 for side in maps[1:3])
        return [maps[0], rows, columns, weight[0]]

    def like_maps(_dy: list, _weight: list, _geometry: list, maps: list) -> list:
        return maps

    def weight_shape(dy: list, maps: list, geometry: list) -> list:
        return [dy[3], geometry[2], geometry[2], maps[3]]

    to_maps = compiled(library, "ConvolutionInputGradient", like_maps, like_first)
    to_weight = compiled(library, "ConvolutionWeightGradient", weight_shape, like_first)

    def bprop(maps: Tensor, weight: Tensor, geometry: Tensor, out: Tensor, dout: Tensor) -> tuple:
        dmaps = to_maps(dout, weight, geometry, maps)
        return dmaps, to_weight(dout, maps, geometry), ops.zeros_like(geometry)

    return compiled(library, "Convolution", result, like_first, bprop)
