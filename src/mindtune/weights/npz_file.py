"""NumPy ``.npz`` archives (Google's ViT weights), without unpickling anything."""

from __future__ import annotations

import io
import mmap
import tokenize
from pathlib import Path

import numpy as np

from mindtune.weights.archive import Archive
from mindtune.weights.elements import BFLOAT16, ELEMENT_TYPES, check_shape, decode_tensor
from mindtune.weights.weight_file import Contents, MalformedError

_HEADER_LIMIT = 16384  # bytes; headers are some 128 bytes long
_HEADER_ERRORS = (ValueError, TypeError, SyntaxError, tokenize.TokenError, RecursionError)


def read_npz(path: Path, content: mmap.mmap) -> Contents:
    """Tensors by member name, and no metadata.

    Raises:
        MalformedError: a damaged file, or an array of Python objects (it would be unpickled).
    """
    archive = Archive(path, content)
    tensors, elements = {}, {}
    for member in archive.names:
        if member.endswith(".npy"):
            name = member[: -len(".npy")]
            tensors[name], elements[name] = _read_npy(archive.read(member), name)
    return Contents(tensors, {}, elements)


def _read_npy(raw: memoryview, name: str) -> tuple[np.ndarray, str]:
    """A tensor and its element type."""
    stream = io.BytesIO(raw[:_HEADER_LIMIT])
    try:
        version = np.lib.format.read_magic(stream)
        if version == (1, 0):
            shape, is_fortran, dtype = np.lib.format.read_array_header_1_0(stream)
        else:
            shape, is_fortran, dtype = np.lib.format.read_array_header_2_0(stream)
    except _HEADER_ERRORS as error:
        raise MalformedError(f"tensor {name!r}: its header is damaged ({error})") from error
    check_shape(shape, name)
    stored_shape = tuple(reversed(shape)) if is_fortran else shape
    element = _element(dtype, name)
    tensor = decode_tensor(raw[stream.tell() :], element, stored_shape, name)
    return tensor.transpose() if is_fortran else tensor, element


def _element(dtype: np.dtype, name: str) -> str:
    if dtype.hasobject:
        raise MalformedError(
            f"tensor {name!r} is an array of Python objects, expected numbers; such arrays are "
            "pickles and are never read"
        )
    if dtype.str == "|V2":  # how NumPy without a bfloat16 type stores JAX's
        return BFLOAT16
    if dtype.name not in ELEMENT_TYPES or dtype.byteorder == ">":
        raise MalformedError(f"tensor {name!r}: got element type {dtype}, expected numbers")
    return dtype.name
