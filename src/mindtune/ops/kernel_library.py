"""The compiled kernels: where they are, and which of them run here."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from pathlib import Path

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
    name_of = ctypes.CDLL(str(FOLDER / FILES["CPU"])).InstructionSetName
    name_of.restype = ctypes.c_char_p
    name = name_of()
    if name is None:
        raise ConfigError(
            f"MINDTUNE_INSTRUCTION_SET: got {os.environ['MINDTUNE_INSTRUCTION_SET']!r}, expected "
            "portable, or avx2 or avx512 where the processor has it"
        )
    return str(name.decode())


def compiled(
    library: Path, symbol: str, shapes: Callable, types: Callable, bprop: Callable | None = None
) -> ops.Custom:
    """The operator ``symbol``; ``shapes`` and ``types`` give its outputs' from its inputs'.

    They must depend on nothing else: in PYNATIVE mode MindSpore asks once for inputs of given
    shapes, and takes the answer for every operator of this symbol.
    """
    return ops.Custom(f"{library}:{symbol}", shapes, types, func_type="aot", bprop=bprop)
