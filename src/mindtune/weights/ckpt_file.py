"""MindSpore ``.ckpt`` files, memory-mapped.

``mindspore.load_checkpoint`` (2.10) is no reader for files of unknown origin: it ends the process
by a segmentation fault when a tensor has more bytes than its shape says, and fills up silently when
it has fewer. The format is one protobuf message::

    Checkpoint {repeated Value value = 1}
    Value {string tag = 1; TensorProto tensor = 2; MapTensorProto maptensor = 3}
    TensorProto {repeated int64 dims = 1; string tensor_type = 2; bytes tensor_content = 3}

A large tensor spans several Values of one tag, and a file may end with ``crc_num`` and the CRC-32
of all before it as ten big-endian bytes.
"""

from __future__ import annotations

import mmap
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Union

from mindtune.weights.elements import decode_tensor
from mindtune.weights.weight_file import Contents, MalformedError

_VARINT, _BYTES = 0, 2  # wire types
_CRC_MARK, _CRC_SIZE = b"crc_num", 10
_ELEMENTS = {
    "BFloat16": "bfloat16",
    "Bool": "bool",
    "Float16": "float16",
    "Float32": "float32",
    "Float64": "float64",
    "Int16": "int16",
    "Int32": "int32",
    "Int64": "int64",
    "Int8": "int8",
    "UInt16": "uint16",
    "UInt32": "uint32",
    "UInt64": "uint64",
    "UInt8": "uint8",
}
_DAMAGED = "is a damaged or truncated MindSpore checkpoint ({}); download or copy it again"

Field = Union[int, memoryview]


@dataclass
class _Entry:
    """One tensor or text, gathered from consecutive Values."""

    shape: tuple[int, ...]
    kind: str
    parts: list[memoryview] = field(default_factory=list)

    def content(self) -> memoryview | bytes:
        return self.parts[0] if len(self.parts) == 1 else b"".join(self.parts)


def looks_like_ckpt(content: mmap.mmap) -> bool:
    """Whether the first Value begins with a printable name."""
    head = memoryview(content)[:512]
    try:
        value, start = _varint(head, 1)
        if head[0] != 1 << 3 | _BYTES or head[start] != 1 << 3 | _BYTES:
            return False
        length, start = _varint(head, start + 1)
        name = bytes(head[start : start + length])
        return 0 < length < value and name.decode("utf-8").isprintable()
    except (MalformedError, IndexError, UnicodeDecodeError):
        return False


def read_ckpt(content: mmap.mmap) -> Contents:
    """Tensors, and the texts that ``append_dict`` adds.

    Raises:
        MalformedError: a damaged file, wrong checksum, map parameter or unknown element type.
    """
    entries: dict[str, _Entry] = {}
    for number, value in _fields(_without_checksum(memoryview(content))):
        if number == 1:
            _add_value(entries, _message(value))
    tensors, metadata, elements = {}, {}, {}
    for name, entry in entries.items():
        if entry.kind == "str":
            metadata[name] = bytes(entry.content()).decode("utf-32-le", errors="replace")
        elif entry.kind in _ELEMENTS:
            shape = () if entry.shape == (0,) else entry.shape  # how old files write a scalar
            elements[name] = _ELEMENTS[entry.kind]
            tensors[name] = decode_tensor(entry.content(), elements[name], shape, name)
        else:
            raise MalformedError(
                f"tensor {name!r}: got element type {entry.kind!r}, expected numbers"
            )
    return Contents(tensors, metadata, elements)


def _without_checksum(view: memoryview) -> memoryview:
    end = len(view) - len(_CRC_MARK) - _CRC_SIZE
    if end < 0 or view[end : end + len(_CRC_MARK)] != _CRC_MARK:
        return view
    if zlib.crc32(view[:end]) != int.from_bytes(view[-_CRC_SIZE:], "big"):
        raise MalformedError(_DAMAGED.format("wrong checksum"))
    return view[:end]


def _add_value(entries: dict[str, _Entry], message: memoryview) -> None:
    fields = dict(_fields(message))
    name = _text(fields.get(1))
    if 2 not in fields:
        raise MalformedError(f"holds a map parameter, {name!r}, expected tensors only")
    shape, kind, part = [], "", memoryview(b"")
    for number, value in _fields(_message(fields[2])):
        if number == 1 and isinstance(value, int):
            shape.append(value)
        elif number == 2:
            kind = _text(value)
        elif number == 3:
            part = _message(value)
    entry = entries.setdefault(name, _Entry(tuple(shape), kind))
    if (entry.shape, entry.kind) != (tuple(shape), kind):
        raise MalformedError(_DAMAGED.format(f"two tensors named {name!r}"))
    entry.parts.append(part)


def _fields(message: memoryview) -> Iterator[tuple[int, Field]]:
    """Numbers and values of a protobuf message's fields."""
    position = 0
    while position < len(message):
        tag, position = _varint(message, position)
        value, position = _varint(message, position)
        if tag & 7 == _VARINT:
            yield tag >> 3, value
        elif tag & 7 == _BYTES and position + value <= len(message):
            yield tag >> 3, message[position : position + value]
            position += value
        else:
            raise MalformedError(
                _DAMAGED.format(f"a field does not end within its {len(message)} bytes")
            )


def _varint(message: memoryview, position: int) -> tuple[int, int]:
    """The value of the varint at ``position``, and the position behind it."""
    value = 0
    for shift in range(0, 64, 7):
        if position >= len(message):
            break
        byte = message[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
    raise MalformedError(_DAMAGED.format("a number does not end"))


def _message(value: Field) -> memoryview:
    if isinstance(value, int):
        raise MalformedError(_DAMAGED.format("a number where a message should be"))
    return value


def _text(value: Field | None) -> str:
    try:
        return bytes(_message(0 if value is None else value)).decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedError(_DAMAGED.format("a name which is no text")) from error
