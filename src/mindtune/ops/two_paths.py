"""Operators with two forms of the same mathematics, and the choice between them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import mindspore as ms
from mindspore import Tensor, nn, ops
from mindspore import dtype as mstype

from mindtune.ops.kernel_library import find_library, has_matrix_product


class TwoPaths:
    """What a Cell mixes in to call a compiled kernel where there is one, MindSpore's ops elsewhere.

    Its ``__init__`` calls ``choose_path`` and makes its kernel from the library if there is one;
    its ``construct`` asks ``uses_kernel``.

    Attributes:
        reads: whom an error of ``readable`` names.
    """

    reads = "second-order pooling"
    uses_kernel = False
    reads_half = False

    def choose_path(self, devices: tuple[str, ...] = ("CPU", "GPU")) -> Path | None:
        """The library for the device that is set now, if it is one of ``devices`` and has one."""
        target = ms.get_context("device_target")
        library = find_library(target) if target in devices else None
        self.uses_kernel = library is not None
        self.reads_half = target == "GPU"
        return library

    def choose_product_path(self) -> Path | None:
        """The CPU's library, where that is the device and it finds oneDNN's matrix product."""
        library = self.choose_path(devices=("CPU",))
        self.uses_kernel = library is not None and has_matrix_product(library)
        return library if self.uses_kernel else None

    def readable(self, tensor: Tensor) -> Tensor:
        """``tensor``, of any float type, for this path: the CUDA kernels alone read half precision.

        Raises:
            TypeError: it holds no floats.
        """
        if tensor.dtype not in (mstype.float32, mstype.float16, mstype.bfloat16):
            raise TypeError(f"{self.reads}: got {tensor.dtype}, expected floats")
        if self.uses_kernel and self.reads_half:
            return tensor
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
