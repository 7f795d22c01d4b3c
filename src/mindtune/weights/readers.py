"""Read the tensors of any weight file that users have, executing nothing from it."""

from __future__ import annotations

import mmap
from pathlib import Path

import numpy as np

from mindtune.errors import WeightsError
from mindtune.weights.ckpt_file import read_ckpt
from mindtune.weights.file_kind import recognise
from mindtune.weights.npz_file import read_npz
from mindtune.weights.safetensors_file import read_safetensors
from mindtune.weights.torch_file import read_torch_legacy, read_torch_zip
from mindtune.weights.weight_file import MalformedError, WeightFile, map_file

_TORCH_READERS = {"torch_zip": read_torch_zip, "torch_legacy": read_torch_legacy}


def read_tensors(path: Path | str, key: str | None = None) -> WeightFile:
    """Read a ``.safetensors``, MindSpore ``.ckpt``, NumPy ``.npz`` or torch file.

    The kind is recognised by content. Files are memory-mapped: arrays of 32-bit floats are views of
    the file, so it must not be overwritten in place while they are used (``save_safetensors`` and
    every tool which writes to a new file and renames it are safe).

    Args:
        path: the file.
        key: which state dict of a torch training checkpoint, such as ``state_dict_ema``; default:
            ``state_dict``, ``model``, ``module``, or the only one.

    Raises:
        WeightsError: no such file, a damaged, truncated, foreign or hostile one, or a ``key`` which
            it does not have; the message names the file.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise MalformedError(_in_folder(path))
        content = map_file(path)
        layout = recognise(path, content)
        if layout in _TORCH_READERS:
            tensors, metadata, chosen = _TORCH_READERS[layout](path, content, key)
            return WeightFile(tensors, metadata, path, layout, chosen)
        if key is not None:
            raise MalformedError(
                f"--pretrained_key: got {key!r}, but this file ({layout}) holds one set of tensors "
                "without a name; leave the option out"
            )
        tensors, metadata = _read_plain(layout, path, content)
        return WeightFile(tensors, metadata, path, layout)
    except MalformedError as fault:
        raise WeightsError(f"weights {path}: {fault}") from fault
    except FileNotFoundError as error:
        raise WeightsError(f"weights {path}: there is no such file; check the path") from error
    except OSError as error:
        raise WeightsError(
            f"weights {path}: cannot be opened ({error.strerror}); check path and permissions"
        ) from error


def _read_plain(
    layout: str, path: Path, content: mmap.mmap
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    if layout == "npz":
        return read_npz(path, content)
    if layout == "ckpt":
        return read_ckpt(content)
    return read_safetensors(path, content)


def _in_folder(path: Path) -> str:
    suffixes = (".safetensors", ".ckpt", ".npz", ".pth", ".pt", ".tar", ".bin")
    inside = sorted(item.name for item in path.iterdir() if item.suffix in suffixes)
    found = f"it holds {', '.join(inside[:5])}" if inside else "it holds no weight file"
    return f"is a folder, expected a file; {found}"
