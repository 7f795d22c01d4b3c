"""The compiled kernels: where they are, and which of them run here."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from mindspore import ops

from mindtune.errors import ConfigError

FOLDER = Path(__file__).parent / "kernels"
FILES = {"CPU": "libmindtune_kernels.so", "GPU": "libmindtune_cuda.so"}


def find_library(device_target: str) -> Path | None:
    """The kernels built for ``device_target``; None where there are none and ops are composed."""
    name = FILES.get(device_target)
    path = FOLDER / name if name else None
    return path if path is not None and path.exists() else None


def instruction_set() -> str:
    """Which form of the CPU kernels this processor runs: avx512, avx2 or portable.

    ``MINDTUNE_INSTRUCTION_SET`` chooses another.

    Raises:
        OSError: the library cannot be loaded.
        ConfigError: ``MINDTUNE_INSTRUCTION_SET`` is none that this processor has.
    """
    name_of = _operator(FOLDER / FILES["CPU"], "InstructionSetName")
    name_of.restype = ctypes.c_char_p
    name = name_of()
    if name is None:
        raise ConfigError(
            f"MINDTUNE_INSTRUCTION_SET: got {os.environ['MINDTUNE_INSTRUCTION_SET']!r}, expected "
            "portable, or avx2 or avx512 where the processor has it"
        )
    return str(name.decode())


def has_matrix_product(library: Path) -> bool:
    """Whether the kernels find oneDNN's matrix product in this process: MindSpore carries it."""
    return bool(_operator(library, "HasMatrixProduct")())


def call(library: Path, symbol: str, *arrays: np.ndarray) -> None:
    """Run the operator ``symbol`` on NumPy arrays in place: inputs, then outputs, no copies.

    For work on the host that is part of no graph. The caller answers for shapes and types: what the
    kernel refuses ends the process, since nothing here can catch a C++ exception.

    Raises:
        ValueError: an array that is not contiguous.
        ConfigError: the library has no such operator.
    """
    if not all(array.flags.c_contiguous for array in arrays):
        raise ValueError(f"{symbol}: got an array with gaps, expected contiguous ones")
    count = len(arrays)
    shapes = [(ctypes.c_int64 * array.ndim)(*array.shape) for array in arrays]
    _operator(library, symbol)(
        count,
        (ctypes.c_void_p * count)(*[array.ctypes.data for array in arrays]),
        (ctypes.c_int * count)(*[array.ndim for array in arrays]),
        (ctypes.POINTER(ctypes.c_int64) * count)(
            *[ctypes.cast(shape, ctypes.POINTER(ctypes.c_int64)) for shape in shapes]
        ),
        (ctypes.c_char_p * count)(*[array.dtype.name.encode() for array in arrays]),
        None,
        None,
    )


class Kernel(ops.Custom):
    """A compiled operator. It has no state: copies of a Cell share it, as no ``Custom`` allows."""

    def __deepcopy__(self, memo: dict) -> Kernel:
        return self


@cache
def _opened(library: Path) -> ctypes.CDLL:
    return ctypes.CDLL(str(library))


def _operator(library: Path, symbol: str) -> Any:
    """The C function; a library of another version may lack it."""
    try:
        return getattr(_opened(library), symbol)
    except AttributeError:
        raise ConfigError(
            f"{library}: got kernels without {symbol}, expected those of this version of MindTune; "
            "build them again: pip install --force-reinstall --no-deps . in its folder, or "
            "bash scripts/build_cuda_kernels.sh for a GPU's"
        ) from None


def compiled(
    library: Path, symbol: str, shapes: Callable, types: Callable, bprop: Callable | None = None
) -> Kernel:
    """The operator ``symbol``; ``shapes`` and ``types`` give its outputs' from its inputs'.

    They must depend on nothing else: in PYNATIVE mode MindSpore asks once for inputs of given
    shapes, and takes the answer for every operator of this symbol.

    Raises:
        ConfigError: the library has no such operator.
    """
    _operator(library, symbol)
    return Kernel(f"{library}:{symbol}", shapes, types, func_type="aot", bprop=bprop)


def like_first(first: Any, *_: Any) -> Any:
    """The shape, or the type, of an output that is as the first input."""
    return first
