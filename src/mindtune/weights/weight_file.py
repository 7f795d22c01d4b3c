"""What reading a weight file gives, and how a reader says that it cannot."""

from __future__ import annotations

import mmap
import stat
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np


class MalformedError(Exception):
    """What is wrong with a file, in words; ``read_tensors`` adds the file's name."""


@dataclass(frozen=True)
class Contents:
    """What a reader finds in a file: ``WeightFile`` without the file."""

    tensors: dict[str, np.ndarray]
    metadata: dict[str, str]
    elements: dict[str, str]
    key: str = ""


@dataclass(frozen=True)
class WeightFile:
    """The tensors of one file under the names that the file gives them.

    Attributes:
        tensors: float16 and bfloat16 are up-cast to float32, other types are kept. Arrays may be
            read-only views of the memory-mapped file.
        metadata: what the file says of itself beside tensors (epoch, arch, safetensors metadata).
        path: the file.
        layout: ``safetensors``, ``ckpt``, ``npz``, ``torch_zip``, ``torch_legacy`` or
            ``torch_script``.
        key: which state dict of a training checkpoint this is; empty for a bare one.
        elements: element type of each tensor as the file holds it, such as ``bfloat16``.
    """

    tensors: dict[str, np.ndarray]
    metadata: dict[str, str]
    path: Path
    layout: str
    key: str = field(default="")
    elements: dict[str, str] = field(default_factory=dict)


def map_file(path: Path) -> mmap.mmap:
    """The bytes of ``path`` without reading them; the mapping lives as long as views of it.

    Raises:
        MalformedError: an empty file, or none that can be mapped (a pipe, a device).
        OSError: a file that cannot be opened.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise MalformedError("is no regular file, expected a weight file; copy it to a file first")
    if status.st_size == 0:
        raise MalformedError(
            "is empty (0 bytes), expected a weight file; download or copy it again"
        )
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
