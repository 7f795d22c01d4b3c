"""Operators with two forms of the same mathematics, and the choice between them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mindspore as ms
from mindspore import Tensor, nn, ops
from mindspore import dtype as mstype

from mindtune.ops.kernel_library import find_library


class TwoPaths(nn.Cell):
    """A Cell that calls a compiled kernel where there is one, and MindSpore's operators elsewhere.

    The choice is made here, once, by the device that is set when the Cell is built. A subclass
    makes its kernel from ``library`` where that is given, and its ``construct`` asks
    ``uses_kernel``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.library: Path | None = find_library(ms.get_context("device_target"))
        self.uses_kernel = self.library is not None


def as_float32(tensor: Tensor) -> Tensor:
    """``tensor``, of any float type, in the type that second moments are computed in.

    Raises:
        TypeError: it holds no floats.
    """
    if tensor.dtype not in (mstype.float32, mstype.float16, mstype.bfloat16):
        raise TypeError(f"second-order pooling: got {tensor.dtype}, expected floats")
    return ops.cast(tensor, mstype.float32)


@contextmanager
def composed(network: nn.Cell) -> Iterator[None]:
    """Within, every operator of ``network`` takes the path of MindSpore's own operators.

    Files that others read must not contain our kernels: a MINDIR would hold the path of a library
    on this machine, and ONNX knows no such operator.
    """
    cells = [cell for _, cell in network.cells_and_names() if isinstance(cell, TwoPaths)]
    former = [cell.uses_kernel for cell in cells]
    for cell in cells:
        cell.uses_kernel = False
    try:
        yield
    finally:
        for cell, was in zip(cells, former):
            cell.uses_kernel = was
