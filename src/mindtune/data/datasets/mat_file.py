"""Matlab files of data set lists, read with errors that name the file."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from mindtune.errors import DataError

# what scipy raises for foreign files and for real ones cut at every possible place
_UNREADABLE = (
    OSError,
    EOFError,
    IndexError,
    NotImplementedError,
    TypeError,
    ValueError,
    MatReadError,
    zlib.error,
)


def read_mat(path: Path, variables: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The named variables, each squeezed to one dimension.

    Raises:
        DataError: the file is no Matlab file, is truncated, or lacks a variable.
    """
    try:
        content = loadmat(path, squeeze_me=True, variable_names=list(variables))
    except _UNREADABLE as error:
        raise DataError(
            f"{path}: got a file that cannot be read ({error}), expected a Matlab 5 file with "
            f"{', '.join(variables)}; unpack its archive again"
        ) from error
    missing = [name for name in variables if name not in content]
    if missing:
        raise DataError(
            f"{path}: got a Matlab file without {', '.join(missing)}, "
            f"expected {', '.join(variables)}; is it the official file?"
        )
    return {name: np.atleast_1d(content[name]) for name in variables}


def zero_based(path: Path, numbers: np.ndarray, limit: int) -> np.ndarray:
    """int32 0..limit-1 from Matlab's 1..limit. Raises ``DataError`` for a number outside."""
    try:
        counted = numbers.astype(np.int32)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{path}: got an entry that is no number ({error}); is it the official file?"
        ) from error
    if counted.min() < 1 or counted.max() > limit:
        raise DataError(
            f"{path}: got numbers {counted.min()} to {counted.max()}, expected 1 to {limit:,}; "
            "is it the official file?"
        )
    return counted - 1
