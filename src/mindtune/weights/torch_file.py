"""Files of ``torch.save``, both kinds, without torch: which bytes belong to which storage."""

from __future__ import annotations

import io
import mmap
import struct
from collections.abc import Callable
from pathlib import Path
from typing import IO, cast

import numpy as np

from mindtune.weights.archive import Archive
from mindtune.weights.elements import decode, item_size
from mindtune.weights.state_dict import StateDict, choose_state_dict, describe_checkpoint
from mindtune.weights.torch_objects import Storage
from mindtune.weights.torch_pickle import load_pickle
from mindtune.weights.torch_script import tensors_of_script
from mindtune.weights.weight_file import Contents, MalformedError

_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL = 1001
_COUNT = struct.Struct("<q")
_BIG_ENDIAN = "was written on a big-endian machine; save it again on a little-endian one"
_NOT_TORCH = (
    "is a Python pickle but no file of torch.save; expected a torch state dict; save it with "
    "torch.save or safetensors"
)

StorageBytes = Callable[[Storage], "memoryview"]


def read_torch_zip(path: Path, content: mmap.mmap, key: str | None) -> Contents:
    """Tensors, metadata and chosen key of a file of torch >= 1.6.

    Storages stay memory-mapped; only those of the chosen state dict are read.

    Raises:
        MalformedError: a damaged or hostile file, or no state dict to choose.
    """
    archive = Archive(path, content)
    pickled = load_pickle(io.BytesIO(archive.read(f"{_root(archive)}data.pkl"))).value
    chosen, state_dict = choose_state_dict(pickled, key)
    return _contents(state_dict, _zip_storages(archive), describe_checkpoint(pickled), chosen)


def read_torch_script(path: Path, content: mmap.mmap, key: str | None) -> Contents:
    """The same for a TorchScript archive, as OpenAI ships CLIP: the tensors of its modules.

    Its code is never looked at.

    Raises:
        MalformedError: a damaged or hostile file, no tensors, or a ``key`` without any.
    """
    archive = Archive(path, content)
    pickled = load_pickle(io.BytesIO(archive.read(f"{_root(archive)}data.pkl"))).value
    chosen, state_dict = choose_state_dict(tensors_of_script(pickled), key)
    return _contents(state_dict, _zip_storages(archive), {}, chosen)


def _zip_storages(archive: Archive) -> StorageBytes:
    """How to find the bytes of a storage in the archive.

    Raises:
        MalformedError: the file comes from a big-endian machine.
    """
    root = _root(archive)
    byte_order = f"{root}byteorder"
    if byte_order in archive.names and archive.read(byte_order) != b"little":
        raise MalformedError(_BIG_ENDIAN)
    return lambda storage: archive.read(f"{root}data/{storage.key}")


def read_torch_legacy(path: Path, content: mmap.mmap, key: str | None) -> Contents:
    """The same for torch < 1.6: five pickles, then the storages one after another.

    Raises:
        MalformedError: a damaged or hostile file, a plain pickle, or no state dict to choose.
    """
    stream = cast("IO[bytes]", content)
    if load_pickle(stream).value != _LEGACY_MAGIC:
        raise MalformedError(_NOT_TORCH)
    if load_pickle(stream).value != _LEGACY_PROTOCOL:
        raise MalformedError(
            "is of an unknown version of torch.save; save it again with torch >= 1.6"
        )
    system = load_pickle(stream).value
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise MalformedError(_BIG_ENDIAN)
    pickled = load_pickle(stream)
    chosen, state_dict = choose_state_dict(pickled.value, key)
    storages = _locate_storages(content, load_pickle(stream).value, pickled.storages)
    metadata = describe_checkpoint(pickled.value)
    return _contents(state_dict, lambda storage: storages[storage.key], metadata, chosen)


def _root(archive: Archive) -> str:
    """The folder inside the archive, with its slash."""
    pickles = [name for name in archive.names if name == "data.pkl" or name.endswith("/data.pkl")]
    return min(pickles, key=len)[: -len("data.pkl")]


def _contents(
    state_dict: StateDict, read: StorageBytes, metadata: dict[str, str], key: str
) -> Contents:
    """Every storage is read and decoded once, however many tensors share it."""
    flat: dict[Storage, np.ndarray] = {}
    for name, tensor in state_dict.items():
        storage = tensor.storage
        if storage not in flat:
            raw = read(storage)
            expected = storage.count * item_size(storage.element)
            if len(raw) != expected:
                raise MalformedError(
                    f"tensor {name!r}: its storage has {len(raw)} bytes, expected {expected}; "
                    "the file is damaged"
                )
            flat[storage] = decode(raw, storage.element)
    tensors = {name: t.view(flat[t.storage], name) for name, t in state_dict.items()}
    elements = {name: t.storage.element for name, t in state_dict.items()}
    return Contents(tensors, metadata, elements, key)


def _locate_storages(
    content: mmap.mmap, keys: object, storages: dict[str, Storage]
) -> dict[str, memoryview]:
    """Bytes by key: each storage is an int64 element count followed by its elements."""
    if not isinstance(keys, list) or set(storages) - {key for key in keys if isinstance(key, str)}:
        raise MalformedError("is a damaged torch file: its list of storages is not complete")
    view = memoryview(content)
    start = content.tell()
    found = {}
    for key in keys:
        storage = storages.get(key) if isinstance(key, str) else None
        count = view[start : start + _COUNT.size]
        if storage is None or len(count) < _COUNT.size:
            raise MalformedError("is cut short or damaged: storages are missing at its end")
        start += _COUNT.size
        size = storage.count * item_size(storage.element)
        if _COUNT.unpack(count)[0] != storage.count or start + size > len(view):
            raise MalformedError(
                "is cut short or damaged: a storage does not have the size it claims"
            )
        found[key] = view[start : start + size]
        start += size
    return found
