"""The pickle interpreter on streams that no honest writer makes."""

from __future__ import annotations

import argparse
import collections
import io
import os
import pathlib
import pickle
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mindtune.errors import WeightsError
from mindtune.weights import torch_pickle
from mindtune.weights.readers import read_tensors
from mindtune.weights.torch_objects import Opaque
from mindtune.weights.torch_pickle import load_pickle
from mindtune.weights.weight_file import MalformedError


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def number(value: int) -> bytes:
    return b"\x8a\x08" + struct.pack("<q", value)


def tuple_of(*items: bytes) -> bytes:
    return b"(" + b"".join(items) + b"t"


def tensor(
    count: int = 4,
    shape: tuple[int, ...] = (4,),
    strides: tuple[int, ...] = (1,),
    offset: int = 0,
    storage: str = "FloatStorage",
    key: bytes | None = None,
) -> bytes:
    """Opcodes of ``_rebuild_tensor_v2`` on storage '0'."""
    identity = (text("storage"), b"ctorch\n" + storage.encode() + b"\n", key or text("0"))
    base = tuple_of(*identity, text("cpu"), number(count)) + b"Q"
    sizes = (tuple_of(*map(number, shape)), tuple_of(*map(number, strides)))
    arguments = tuple_of(base, number(offset), *sizes, b"\x89", b"N")
    return b"ctorch._utils\n_rebuild_tensor_v2\n" + arguments + b"R"


def state_dict(opcodes: bytes) -> bytes:
    return b"\x80\x02}" + text("w") + opcodes + b"s."


@pytest.mark.parametrize(
    "value",
    [
        {"a": 1, "b": [1.5, None, True, "x", (1, 2, 3, 4)], "c": {"d": -(2**40)}},
        [],
        (),
        {"deep": [[[("leaf",)]]]},
    ],
)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_containers_come_back_as_they_were(value: object, protocol: int) -> None:
    assert load_pickle(io.BytesIO(pickle.dumps(value, protocol))).value == value


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_objects_beside_the_weights_are_replaced_by_empty_ones(protocol: int) -> None:
    content = {
        "args": argparse.Namespace(lr=0.1),
        "path": pathlib.PurePosixPath("a/b"),
        "metric": np.float64(71.5),
        "count": collections.Counter("aab"),
        "groups": {1, 2},
        "last": "kept",
    }
    found = load_pickle(io.BytesIO(pickle.dumps(content, protocol))).value
    assert isinstance(found["args"], Opaque)
    assert found["args"].name == "argparse.Namespace"
    assert isinstance(found["path"], Opaque)
    assert found["last"] == "kept"


class Calls:
    """Pickles as a call of any function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


TOUCH = ': > "$PICKLE_MARKER_FILE"'


@pytest.mark.usefixtures("marker")
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(
    ("call", "name"),
    [
        (Calls(os.system, TOUCH), r"posix\.system"),
        (Calls(eval, "1"), r"builtins\.eval"),
        (Calls(subprocess.Popen, ["true"]), r"(subprocess|commands)\.Popen"),
        (Calls(getattr, "", "join"), r"builtins\.getattr"),
        (Calls(__import__, "os"), r"builtins\.__import__"),
    ],
)
def test_any_other_call_is_refused_by_name(
    torch_zip: Callable[..., Path], call: Calls, name: str, protocol: int
) -> None:
    path = torch_zip(pickle.dumps({"state_dict": call}, protocol))
    with pytest.raises(WeightsError, match=f"asks to call {name}"):
        read_tensors(path)


@pytest.mark.usefixtures("marker")
@pytest.mark.parametrize(
    "opcodes",
    [
        b"(" + text(TOUCH) + b"iposix\nsystem\n",  # INST
        b"(cposix\nsystem\n" + text(TOUCH) + b"o",  # OBJ
        text("posix") + text("system") + b"\x93" + tuple_of(text(TOUCH)) + b"R",  # STACK_GLOBAL
    ],
)
def test_every_calling_opcode_is_guarded(torch_zip: Callable[..., Path], opcodes: bytes) -> None:
    with pytest.raises(WeightsError, match=r"asks to call posix\.system"):
        read_tensors(torch_zip(state_dict(opcodes)))


def test_instance_of_a_function_is_an_empty_object(marker: Path) -> None:
    opcodes = b"\x80\x02cposix\nsystem\n" + tuple_of(text(TOUCH)) + b"\x81."  # NEWOBJ
    assert load_pickle(io.BytesIO(opcodes)).value == Opaque("posix.system")


ELEMENTS = np.arange(4, dtype="<f4")


@pytest.mark.parametrize(
    ("opcodes", "expected"),
    [
        (tensor(), ELEMENTS),
        (tensor(shape=(2, 2), strides=(1, 2)), ELEMENTS.reshape(2, 2).T),
        (tensor(shape=(2,), strides=(2,), offset=1), ELEMENTS[1::2]),
        (tensor(shape=(), strides=(), offset=3), ELEMENTS[3]),
        (tensor(shape=(0, 5), strides=(5, 1)), np.zeros((0, 5), np.float32)),
        (tensor(count=8, shape=(8,), storage="HalfStorage"), ELEMENTS.view("<f2")),
        (tensor(count=2, shape=(2,), storage="LongStorage"), ELEMENTS.view("<i8")),
        (tensor(count=16, shape=(16,), storage="ByteStorage"), ELEMENTS.view("u1")),
    ],
)
def test_tensors_are_views_of_their_storage(
    torch_zip: Callable[..., Path], opcodes: bytes, expected: np.ndarray
) -> None:
    got = read_tensors(torch_zip(state_dict(opcodes), _0=ELEMENTS.tobytes())).tensors["w"]
    np.testing.assert_array_equal(got, expected)
    assert got.dtype == (np.float32 if expected.dtype == np.float16 else expected.dtype)


@pytest.mark.parametrize(
    ("opcodes", "message"),
    [
        (tensor(shape=(5,)), "does not lie within"),
        (tensor(offset=1), "does not lie within"),
        (tensor(shape=(2, 2), strides=(3, 1)), "does not lie within"),
        (tensor(shape=(4, 1 << 40), strides=(1, 0)), "does not lie within|damaged"),
        (tensor(shape=(8,), strides=(0,)), "does not lie within"),
        (tensor(shape=(0, 1 << 62), strides=(1, 1)), "damaged"),
        (tensor(shape=(1,) * 40, strides=(1,) * 40), "damaged"),
        (tensor(shape=(-4,)), "impossible"),
        (tensor(strides=(-1,), offset=3), "impossible"),
        (tensor(offset=-1), "impossible"),
        (tensor(shape=(4, 4)), "without storage or shape"),
        (tensor(count=1 << 50, shape=(1 << 50,)), "has 16 bytes, expected"),
        (tensor(count=3, shape=(3,)), "has 16 bytes, expected 12"),
        (tensor(storage="ComplexFloatStorage"), r"torch\.ComplexFloatStorage"),
        (tensor(storage="UntypedStorage"), r"torch\.UntypedStorage"),
        (tensor(key=text("../../1")), "misses its part"),
        (tensor(key=b"]"), "unknown kind of storage"),
        (text("x") + b"Q", "unknown kind of outside object"),
        (b"Pid\n", "opcode PERSID"),
        (b"\x82\x01", "opcode EXT1"),
    ],
)
def test_impossible_tensors_are_refused(
    torch_zip: Callable[..., Path], opcodes: bytes, message: str
) -> None:
    with pytest.raises(WeightsError, match=message):
        read_tensors(torch_zip(state_dict(opcodes), _0=ELEMENTS.tobytes()))


@pytest.mark.parametrize(
    "opcodes",
    [
        b"\x80\x02\x8b\xff\xff\xff\x7f.",  # a number of 2 GB
        b"\x80\x04\x8e" + b"\xff" * 7 + b"\x7f.",  # bytes of 8 EB
        b"\x80\x02\x8a\xff" + b"\x7f" * 255 + b".",  # a number of 2040 bits
        b"\x80\x02N" + b"\x85" * 100_000 + b"c__builtin__\nset\nNR.",
        b"\x80\x020.",
        b"\x80\x02(.",
        b"\x80\x02h\x05.",
        b"\x80\x02NR.",
        b"\x80\x02N",
        b"",
    ],
)
def test_damaged_streams_are_refused_at_once(opcodes: bytes) -> None:
    with pytest.raises(MalformedError, match="damaged"):
        load_pickle(io.BytesIO(opcodes))


def test_what_stops_the_library_is_harmless_here() -> None:
    memo = b"\x80\x02]r\xff\xff\xff\x7f."  # an index for which the library allocates 32 GB
    assert load_pickle(io.BytesIO(memo)).value == []
    key = b"\x80\x02}N" + b"\x85" * 100_000 + b"Ns."  # a key too deep for the C stack to hash
    assert load_pickle(io.BytesIO(key)).value == {}


def test_endless_streams_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_pickle, "_MAX_OPCODES", 100)
    with pytest.raises(MalformedError, match="more than 100 opcodes"):
        load_pickle(io.BytesIO(b"]" * 1000))
