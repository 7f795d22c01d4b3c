"""The compiled form of a permutation of axes."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from mindspore import Tensor, ops

from mindtune.ops.kernel_library import Kernel, compiled, like_first


def order_of(axes: tuple[int, ...]) -> Tensor:
    """What ``permutation_kernel`` takes as such; it speaks by its shape, each axis plus one.

    Shapes of results must follow from those of arguments alone (see ``compiled``).
    """
    return Tensor(np.zeros([axis + 1 for axis in axes], np.int8))


@cache
def permutation_kernel(library: Path) -> Kernel:
    """x, order -> y, float32, whose axis i is axis ``order.shape[i] - 1`` of x."""

    def permuted(x: list, order: list) -> list:
        return [x[axis - 1] for axis in order]

    def original(dy: list, order: list) -> list:
        return [size for _, size in sorted(zip(order, dy))]

    to_input = compiled(library, "PermuteAxesGradient", original, like_first)

    def bprop(x: Tensor, order: Tensor, out: Tensor, dout: Tensor) -> tuple:
        return to_input(dout, order), ops.zeros_like(order)

    return compiled(library, "PermuteAxes", permuted, like_first, bprop)
