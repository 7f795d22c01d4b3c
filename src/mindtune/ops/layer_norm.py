"""The compiled form of LayerNorm."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import Any

from mindspore import Tensor, ops

from mindtune.ops.kernel_library import Kernel, compiled


@cache
def layer_norm_kernel(library: Path) -> Kernel:
    """x (..., D), weight (D,), bias (D,), eps (1,) -> y (..., D), mean and 1 / std (rows, 2).

    All float32. One operator serves all layers. The backward pass keeps x and the statistics; the
    gradient of the parameters is an operator of its own, which a compiled graph leaves out where
    they are frozen.
    """

    def shapes(x: list, _weight: list, _bias: list, _eps: list) -> tuple:
        return x, (math.prod(x[:-1]), 2)

    def types(x: Any, *_: Any) -> tuple:
        return x, x

    def like_x(x: Any, *_: Any) -> Any:
        return x

    def channels(x: list, *_: list) -> tuple:
        return (x[-1],), (x[-1],)

    to_x = compiled(library, "LayerNormGradient", like_x, like_x)
    to_parameters = compiled(library, "LayerNormParametersGradient", channels, types)

    def bprop(
        x: Tensor, weight: Tensor, bias: Tensor, eps: Tensor, out: tuple, dout: tuple
    ) -> tuple:
        dweight, dbias = to_parameters(x, out[1], dout[0])
        return to_x(x, weight, out[1], dout[0]), dweight, dbias, ops.zeros_like(eps)

    return compiled(library, "LayerNorm", shapes, types, bprop)
