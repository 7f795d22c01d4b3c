"""Zip archives: damage is noticed, bombs are refused, unusual but honest files are read."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mindtune.errors import WeightsError
from mindtune.weights.readers import read_tensors

KERNEL = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize(
    "array",
    [
        KERNEL,
        KERNEL.T,
        np.asfortranarray(KERNEL[0]),
        KERNEL[0, 0, 0],
        KERNEL.astype(np.int16),
        np.zeros((0, 3), np.float32),
        KERNEL > 3,
    ],
)
def test_npz_as_numpy_writes_it(
    tmp_path: Path, save: Callable[..., None], array: np.ndarray
) -> None:
    save(tmp_path / "a.npz", **{"block/kernel": array})
    got = read_tensors(tmp_path / "a.npz").tensors["block/kernel"]
    np.testing.assert_array_equal(got, array)
    assert (got.dtype, got.shape) == (array.dtype, array.shape)


def test_bfloat16_as_jax_writes_it(tmp_path: Path) -> None:
    upper = (KERNEL.view(np.uint32) >> 16).astype(np.uint16).view("V2")
    np.savez(tmp_path / "a.npz", w=upper)
    np.testing.assert_array_equal(read_tensors(tmp_path / "a.npz").tensors["w"], KERNEL)


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_one_flipped_bit_in_the_data_is_noticed(tmp_path: Path, compression: int) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr("w.npy", npy(np.random.default_rng(0).standard_normal(500)))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="damaged"):
        read_tensors(path)


def test_torch_file_without_checksums_is_read(data: Path, tmp_path: Path) -> None:
    """torch.serialization.set_crc32_options(False) writes 0 in their place."""
    path = data / "b_timm_vit" / "small_dataparallel.pth"
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        place = archive.start_dir
    for info in members:
        content[info.header_offset + 14 : info.header_offset + 18] = bytes(4)
        content[place + 16 : place + 20] = bytes(4)
        lengths = np.frombuffer(bytes(content[place + 28 : place + 34]), "<u2")
        place += 46 + int(lengths.sum())
    (tmp_path / "a.pth").write_bytes(content)
    got, expected = read_tensors(tmp_path / "a.pth").tensors, read_tensors(path).tensors
    assert all(np.array_equal(got[name], array) for name, array in expected.items())


def test_zip_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(4):
            archive.writestr(f"{number}.npy", bytes(32 << 20))
    with pytest.raises(WeightsError, match="members claim 134217728 bytes"):
        read_tensors(path)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (npy(KERNEL).replace(b"(2, 3, 4)", b"(2, 3, 9)"), "got 96 bytes, expected 216"),
        (npy(KERNEL).replace(b"(2, 3, 4)", b"(-2,3, 4)"), "the file is damaged"),
        (
            npy(KERNEL).replace(b"(2, 3, 4)", b"(((((((((").replace(b"<f4", b"<c8"),
            "header is damaged",
        ),
        (npy(KERNEL.astype(">f4")), "element type >f4"),
        (npy(KERNEL.astype(np.complex64)), "element type complex64"),
        (npy(np.array(["a", "b"])), "expected numbers"),
        (b"\x93NUMPY\x07\x00", "header is damaged"),
        (b"", "header is damaged"),
    ],
)
def test_arrays_which_are_no_weights(tmp_path: Path, header: bytes, message: str) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("w.npy", header)
    with pytest.raises(WeightsError, match=message):
        read_tensors(path)


def test_zip_without_weights(tmp_path: Path) -> None:
    path = tmp_path / "repo.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("README.md", "x")
    with pytest.raises(WeightsError, match=r"begins with README.md.* expected a NumPy archive"):
        read_tensors(path)
