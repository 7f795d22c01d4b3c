"""Read the tensors of any weight file that users have, executing nothing from it."""

from __future__ import annotations

import mmap
from pathlib import Path

from mindtune.errors import WeightsError
from mindtune.weights.ckpt_file import read_ckpt
from mindtune.weights.file_kind import recognise
from mindtune.weights.networks import network_by_key
from mindtune.weights.npz_file import read_npz
from mindtune.weights.safetensors_file import read_safetensors
from mindtune.weights.sharded import INDEXES, check_part, describe_folder, main_file, read_index
from mindtune.weights.torch_file import read_torch_legacy, read_torch_script, read_torch_zip
from mindtune.weights.weight_file import Contents, MalformedError, WeightFile, map_file

_TORCH_READERS = {
    "torch_zip": read_torch_zip,
    "torch_legacy": read_torch_legacy,
    "torch_script": read_torch_script,
}


def read_tensors(path: Path | str, key: str | None = None) -> WeightFile:
    """Read a ``.safetensors``, MindSpore ``.ckpt``, NumPy ``.npz`` or torch file, or a folder.

    The kind is recognised by content. Files are memory-mapped: arrays of 32-bit floats are views of
    the file, so it must not be overwritten in place while they are used (``save_safetensors`` and
    every tool which writes to a new file and renames it are safe).

    Args:
        path: the file, or a folder as Hugging Face writes it (``model.safetensors`` or
            ``pytorch_model.bin``, whole or in parts with an index).
        key: which state dict of a torch training checkpoint, such as ``state_dict_ema``, or which
            of the networks in a state dict, such as ``momentum_encoder``; default: ``state_dict``,
            ``model``, ``module``, or the only one.

    Raises:
        WeightsError: no such file, a damaged, truncated, foreign or hostile one, or a ``key`` which
            it does not have; the message names the file.
    """
    path = Path(path)
    try:
        if path.is_dir():
            return _read_folder(path, key)
        return _read_file(path, key)
    except MalformedError as fault:
        raise WeightsError(f"weights {path}: {fault}") from fault
    except FileNotFoundError as error:
        raise WeightsError(f"weights {path}: there is no such file; check the path") from error
    except OSError as error:
        raise WeightsError(
            f"weights {path}: cannot be opened ({error.strerror}); check path and permissions"
        ) from error


def _read_file(path: Path, key: str | None) -> WeightFile:
    content = map_file(path)
    layout = recognise(path, content)
    if layout in _TORCH_READERS:
        found = _TORCH_READERS[layout](path, content, key)
    else:
        found = _with_key(_read_plain(layout, path, content), layout, key)
    return WeightFile(found.tensors, found.metadata, path, layout, found.key, found.elements)


def _read_folder(folder: Path, key: str | None) -> WeightFile:
    main = main_file(folder)
    if main is None:
        raise MalformedError(describe_folder(folder))
    if main.name not in INDEXES:
        return read_tensors(main, key)
    parts = []
    for part, names in sorted(read_index(main).items()):
        parts.append(read_tensors(part))
        check_part(part, names, set(parts[-1].tensors))
    tensors = {name: tensor for part in parts for name, tensor in part.tensors.items()}
    elements = {name: element for part in parts for name, element in part.elements.items()}
    layout = parts[0].layout
    found = _with_key(Contents(tensors, parts[0].metadata, elements), layout, key)
    return WeightFile(found.tensors, found.metadata, folder, layout, found.key, elements)


def _read_plain(layout: str, path: Path, content: mmap.mmap) -> Contents:
    if layout == "npz":
        return read_npz(path, content)
    if layout == "ckpt":
        return read_ckpt(content)
    return read_safetensors(path, content)


def _with_key(found: Contents, layout: str, key: str | None) -> Contents:
    """The network ``key`` of a file which holds tensors only."""
    if key is None:
        return found
    tensors = network_by_key(found.tensors, key)
    if not tensors:
        raise MalformedError(
            f"--pretrained_key: got {key!r}, but this file ({layout}) holds one set of tensors "
            "without a name; leave the option out"
        )
    elements = network_by_key(found.elements, key)
    return Contents(tensors, found.metadata, elements, key)
