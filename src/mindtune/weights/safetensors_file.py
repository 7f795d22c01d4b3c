"""``.safetensors`` files, memory-mapped: the library checks the header, this file maps the data."""

from __future__ import annotations

import json
import mmap
import struct
from pathlib import Path

from safetensors import SafetensorError, safe_open

from mindtune.weights.elements import decode_tensor
from mindtune.weights.weight_file import Contents, MalformedError

_HEADER_LENGTH = struct.Struct("<Q")
_ELEMENTS = {
    "BF16": "bfloat16",
    "BOOL": "bool",
    "F16": "float16",
    "F32": "float32",
    "F64": "float64",
    "I16": "int16",
    "I32": "int32",
    "I64": "int64",
    "I8": "int8",
    "U16": "uint16",
    "U32": "uint32",
    "U64": "uint64",
    "U8": "uint8",
}


def read_safetensors(path: Path, content: mmap.mmap) -> Contents:
    """Tensors and the file's own metadata.

    The library's NumPy interface has no bfloat16 in the versions supported, hence the mapping here.

    Raises:
        MalformedError: a header, offset, size or element type which is refused.
    """
    try:
        with safe_open(path, framework="numpy"):
            pass
    except SafetensorError as error:
        raise MalformedError(
            f"is a damaged or truncated safetensors file ({error}); download or copy it again"
        ) from error
    view = memoryview(content)
    start = _HEADER_LENGTH.size + _HEADER_LENGTH.unpack_from(content)[0]
    header = json.loads(bytes(view[_HEADER_LENGTH.size : start]))
    metadata = header.pop("__metadata__", None) or {}
    tensors, elements = {}, {}
    for name, entry in header.items():
        if entry["dtype"] not in _ELEMENTS:
            raise MalformedError(
                f"tensor {name!r}: got element type {entry['dtype']}, expected one of "
                f"{', '.join(_ELEMENTS)}; convert it to float32 before saving"
            )
        first, last = entry["data_offsets"]
        raw = view[start + first : start + last]
        elements[name] = _ELEMENTS[entry["dtype"]]
        tensors[name] = decode_tensor(raw, elements[name], entry["shape"], name)
    return Contents(tensors, metadata, elements)
