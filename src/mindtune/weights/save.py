"""Write weights so that a file either is whole or is not there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import save_file

from mindtune.errors import CheckpointError


def save_safetensors(
    path: Path | str, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]
) -> None:
    """Write ``tensors`` to ``path``, replacing a former file only once the new one is on disk.

    The bytes go to a temporary file beside ``path``, are synced, and take its name; then the folder
    is synced, so that a crash or power cut leaves the old file or the new one.

    Raises:
        CheckpointError: the file cannot be written (disk full, no permission, no such folder);
            nothing is left behind and a former file is untouched.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    contiguous = {name: np.asarray(array, order="C") for name, array in tensors.items()}
    try:
        save_file(contiguous, temporary, dict(metadata))
        _sync(temporary)
        os.replace(temporary, path)
        _sync(path.parent)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(
            f"weights {path}: cannot be written ({error}); check that the folder exists, that you "
            "may write to it and that the disk has room"
        ) from error
    finally:
        _remove(temporary)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(temporary: Path) -> None:
    """Delete what a failed or interrupted save left; after success there is nothing."""
    try:
        temporary.unlink()
    except OSError:
        return
