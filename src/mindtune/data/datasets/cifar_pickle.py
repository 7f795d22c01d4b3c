"""The official CIFAR pickles, read without running anything from them.

They are Python 2 pickles (protocol 2) of one dictionary with byte-string keys, lists, and one
uint8 array. Every global a pickle asks for is answered by a stand-in of ours or refused, so
neither NumPy nor any other importable function can be reached from the file.
"""

from __future__ import annotations

import io
import pickle
from typing import Any

import numpy as np

from mindtune.errors import DataError

_MALFORMED = (
    pickle.UnpicklingError,
    EOFError,
    AttributeError,
    IndexError,
    KeyError,
    MemoryError,
    OverflowError,
    TypeError,
    ValueError,
)


class _PickledDtype:
    """What ``numpy.dtype(name, ...)`` was pickled as."""

    def __init__(self, name: bytes | str, *flags: object) -> None:
        self.name = name if isinstance(name, str) else name.decode("ascii")

    def __setstate__(self, state: object) -> None:
        """Byte order and alignment, which mean nothing for uint8."""


class _PickledArray:
    """What a ``numpy.ndarray`` was pickled as: shape, dtype and raw bytes."""

    def __init__(self, *ignored: object) -> None:
        self.array = np.empty(0, dtype=np.uint8)

    def __setstate__(self, state: tuple[int, tuple[int, ...], _PickledDtype, bool, bytes]) -> None:
        _, shape, dtype, is_column_major, content = state
        if dtype.name not in ("u1", "uint8") or is_column_major:
            raise pickle.UnpicklingError(f"an array of {dtype.name}, expected row-major uint8")
        self.array = np.frombuffer(content, dtype=np.uint8).reshape(shape)


def _latin1_bytes(text: str, encoding: str | bytes) -> bytes:
    """How Python 3 writes bytes at protocol 2."""
    if encoding not in ("latin1", b"latin1"):
        raise pickle.UnpicklingError(f"bytes encoded as {encoding!r}, expected latin1")
    return text.encode("latin1")


_STAND_INS: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): _PickledArray,
    ("numpy", "dtype"): _PickledDtype,
    ("numpy.core.multiarray", "_reconstruct"): _PickledArray,
    ("numpy._core.multiarray", "_reconstruct"): _PickledArray,
    ("_codecs", "encode"): _latin1_bytes,
}


class _RestrictedUnpickler(pickle.Unpickler):
    """Containers, numbers and strings, plus the stand-ins above."""

    def find_class(self, module: str, name: str) -> Any:
        try:
            return _STAND_INS[module, name]
        except KeyError:
            raise pickle.UnpicklingError(
                f"it asks for {module}.{name}, which a CIFAR batch has no use for"
            ) from None


def read_cifar_pickle(content: bytes, where: str) -> dict[Any, Any]:
    """The pickled dictionary, its arrays as uint8 ``numpy.ndarray``.

    Args:
        content: bytes of the file.
        where: its path, for the message.

    Raises:
        DataError: malformed, or it asks for anything but numbers, strings and uint8 arrays.
    """
    try:
        value = _RestrictedUnpickler(io.BytesIO(content), encoding="bytes").load()
    except _MALFORMED as error:
        raise DataError(
            f"{where}: got a pickle that is not read ({type(error).__name__}: {error}), expected "
            "an official CIFAR file; nothing in it was run; unpack the official archive again"
        ) from error
    if not isinstance(value, dict):
        raise DataError(
            f"{where}: got a pickled {type(value).__name__}, expected the dictionary of an "
            "official CIFAR file; unpack the official archive again"
        )
    return {
        key: item.array if isinstance(item, _PickledArray) else item for key, item in value.items()
    }
