"""MindSpore checkpoints: what MindSpore writes is read; what it would crash on is refused."""

from __future__ import annotations

import struct
from pathlib import Path

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor

from mindtune.errors import WeightsError
from mindtune.weights.readers import read_tensors

ARRAYS = {
    "norm.gamma": np.arange(6, dtype=np.float32).reshape(2, 3),
    "half": np.array([0.5, -2.0, 65504.0], np.float16),
    "double": np.array([[1e300]]),
    "scalar": np.array(5, np.int64),
    "flag": np.array([True, False]),
}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "net.ckpt"
    tensors = [{"name": name, "data": Tensor(array)} for name, array in ARRAYS.items()]
    tensors.append({"name": "brain", "data": Tensor([1.0, -1.5, 3.0], ms.bfloat16)})
    ms.save_checkpoint(tensors, str(path), append_dict={"epoch": 3, "arch": "vit"})
    return path


def test_reads_what_mindspore_writes(saved: Path) -> None:
    got = read_tensors(saved)
    assert got.layout == "ckpt"
    assert got.metadata == {"arch": "vit"}
    assert set(got.tensors) == {*ARRAYS, "brain", "epoch"}
    for name, array in ARRAYS.items():
        expected = array.astype(np.float32) if array.dtype == np.float16 else array
        np.testing.assert_array_equal(got.tensors[name], expected)
        assert got.tensors[name].dtype == expected.dtype
    np.testing.assert_array_equal(got.tensors["brain"], np.array([1.0, -1.5, 3.0], np.float32))


def test_suffix_does_not_matter(saved: Path) -> None:
    assert "norm.gamma" in read_tensors(saved.rename(saved.with_suffix(".bak"))).tensors


def test_checksum_is_verified(tmp_path: Path) -> None:
    path = tmp_path / "crc.ckpt"
    tensors = [{"name": name, "data": Tensor(array)} for name, array in ARRAYS.items()]
    ms.save_checkpoint(tensors, str(path), crc_check=True)
    np.testing.assert_array_equal(read_tensors(path).tensors["half"], [0.5, -2.0, 65504.0])
    content = bytearray(path.read_bytes())
    content[content.index(struct.pack("<f", 5.0))] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="wrong checksum"):
        read_tensors(path)


def part(number: int, content: bytes) -> bytes:
    length, size = b"", len(content)
    while size > 127:
        length, size = length + bytes([size & 127 | 128]), size >> 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + content


def value(dims: bytes, kind: bytes, content: bytes, name: bytes = b"w") -> bytes:
    return part(1, part(1, name) + part(2, dims + part(2, kind) + part(3, content)))


def test_a_tensor_in_slices_is_put_together(tmp_path: Path) -> None:
    numbers = np.arange(4, dtype="<f4").tobytes()
    path = tmp_path / "sliced.ckpt"
    slices = (value(b"\x08\x02\x08\x02", b"Float32", half) for half in (numbers[:8], numbers[8:]))
    path.write_bytes(b"".join(slices))
    np.testing.assert_array_equal(read_tensors(path).tensors["w"], [[0, 1], [2, 3]])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            value(b"\x08\x02", b"Float32", bytes(2400)),
            "got 2400 bytes, expected 8",
        ),  # MindSpore: SIGSEGV
        (
            value(b"\x08\x64", b"Float32", bytes(24)),
            "got 24 bytes, expected 400",
        ),  # MindSpore: zeros
        (value(b"\x08" + b"\xff" * 9 + b"\x01", b"Float32", bytes(8)), "the file is damaged"),
        (value(b"\x08\x02", b"Complex64", bytes(16)), "element type 'Complex64'"),
        (part(1, part(1, b"w") + part(3, b"")), "map parameter"),
        (value(b"\x08\x02", b"Float32", bytes(8)) * 2, "got 16 bytes, expected 8"),
        (value(b"\x08\x02", b"Float32", bytes(8))[:-3], "does not end"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "bad.ckpt"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=message):
        read_tensors(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_truncation_never_goes_unnoticed(saved: Path, share: float) -> None:
    content = saved.read_bytes()
    saved.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(WeightsError, match=r"net\.ckpt"):
        read_tensors(saved)
