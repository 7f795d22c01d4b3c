"""Write weights as safetensors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import save_file

from mindtune.files import replace_atomically


def save_safetensors(
    path: Path | str, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]
) -> None:
    """Write ``tensors`` to ``path``, replacing a former file only once the new one is on disk.

    Raises:
        CheckpointError: the file cannot be written (disk full, no permission, no such folder);
            nothing is left behind and a former file is untouched.
    """
    replace_atomically(
        Path(path), lambda temporary: write_safetensors(temporary, tensors, metadata)
    )


def write_safetensors(
    path: Path, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]
) -> None:
    """Write ``tensors`` to ``path`` directly, for callers with an atomic replacement of their own.

    Raises:
        OSError: the file cannot be written.
    """
    contiguous = {name: np.asarray(array, order="C") for name, array in tensors.items()}
    try:
        save_file(contiguous, path, dict(metadata))
    except SafetensorError as error:  # the library's name for a full disk or a lost folder
        raise OSError(str(error)) from error
