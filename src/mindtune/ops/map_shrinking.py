"""The compiled form of the two convolutions that shrink a moment head's maps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mindspore import Tensor, ops

from mindtune.ops.kernel_library import compiled


def shrunk_side(side: int) -> int:
    """Side of a map after two 3 x 3 convolutions of stride 2 without padding."""
    return ((side - 3) // 2 + 1 - 3) // 2 + 1


def shrink_maps_kernel(library: Path) -> ops.Custom:
    """Maps (B, P, d, d), weights (P, P, 3, 3) twice -> maps (B, P, s, s), with exact GELU between.

    All float32. The backward pass keeps the inputs alone.
    """

    def shapes(maps: list, _first: list, _second: list) -> list:
        return [*maps[:2], shrunk_side(maps[2]), shrunk_side(maps[2])]

    def type_of_maps(maps: Any, *_: Any) -> Any:
        return maps

    def like_inputs(maps: Any, first: Any, second: Any, _dout: Any) -> tuple:
        return maps, first, second

    backward = compiled(library, "ShrinkMapsGradient", like_inputs, like_inputs)

    def bprop(maps: Tensor, first: Tensor, second: Tensor, out: Tensor, dout: Tensor) -> tuple:
        return backward(maps, first, second, dout)

    return compiled(library, "ShrinkMaps", shapes, type_of_maps, bprop)
