"""Bytes of a tensor to a NumPy array, for the element types that weight files use."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from mindtune.weights.weight_file import MalformedError

BFLOAT16 = "bfloat16"
FLOATS = ("float16", BFLOAT16, "float32", "float64")
INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
ELEMENT_TYPES = (*FLOATS, *INTEGERS, "bool")
_MAX_DIMENSIONS = 32  # NumPy's limit
_MAX_ELEMENTS = 1 << 48


def item_size(element: str) -> int:
    """Bytes of one element."""
    return 2 if element == BFLOAT16 else np.dtype(element).itemsize


def decode(raw: memoryview | bytes, element: str) -> np.ndarray:
    """Little-endian ``raw`` as a flat array (n,).

    float16 and bfloat16 become float32 (exact); every other type is a view of ``raw``.

    Args:
        raw: a whole number of elements.
        element: one of ``ELEMENT_TYPES``.
    """
    if element == BFLOAT16:
        upper_half = np.frombuffer(raw, "<u2").astype(np.uint32)
        return (upper_half << 16).view(np.float32)
    array = np.frombuffer(raw, np.dtype(element).newbyteorder("<"))
    return array.astype(np.float32) if element == "float16" else array


def decode_tensor(
    raw: memoryview | bytes, element: str, shape: Sequence[int], name: str
) -> np.ndarray:
    """``decode`` in C order with the size checked against ``shape``.

    Raises:
        MalformedError: the bytes are not those of a tensor of this shape.
    """
    check_shape(shape, name)
    expected = math.prod(shape) * item_size(element)
    if len(raw) != expected:
        raise MalformedError(
            f"tensor {name!r}: got {len(raw)} bytes, expected {expected} for shape "
            f"{tuple(shape)} of {element}; the file is damaged"
        )
    return decode(raw, element).reshape(shape)


def check_shape(shape: Sequence[int], name: str) -> None:
    """Refuse sizes which no array can have; a zero size hides the others from every other check."""
    elements = math.prod(max(size, 1) for size in shape)
    if len(shape) > _MAX_DIMENSIONS or min(shape, default=0) < 0 or elements > _MAX_ELEMENTS:
        raise MalformedError(f"tensor {name!r}: got shape {tuple(shape)}; the file is damaged")
