"""Atomic saving: the whole file, or the former one, and no litter."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mindtune import files
from mindtune.errors import CheckpointError
from mindtune.weights.readers import read_tensors
from mindtune.weights.save import save_safetensors

TENSORS = {
    "a.weight": np.arange(12, dtype=np.float32).reshape(3, 4),
    "transposed": np.arange(6, dtype=np.float32).reshape(2, 3).T,
    "scalar": np.array(2.5, np.float32),
    "step": np.array([7], np.int64),
}


def test_what_is_saved_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_safetensors(path, TENSORS, {"mean": "[0.5]"})
    got = read_tensors(path)
    assert got.metadata == {"mean": "[0.5]"}
    assert set(got.tensors) == set(TENSORS)
    for name, array in TENSORS.items():
        assert got.tensors[name].dtype == array.dtype
        assert got.tensors[name].shape == array.shape
        np.testing.assert_array_equal(got.tensors[name], array)
    assert [p.name for p in tmp_path.iterdir()] == ["w.safetensors"]


def test_reader_of_the_former_file_is_not_disturbed(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_safetensors(path, TENSORS, {})
    former = read_tensors(path).tensors["a.weight"]
    save_safetensors(path, {"a.weight": np.zeros((3, 4), np.float32)}, {})
    np.testing.assert_array_equal(former, TENSORS["a.weight"])
    assert not read_tensors(path).tensors["a.weight"].any()


@contextlib.contextmanager
def limited_disk() -> Iterator[None]:
    """Files of this process cannot grow beyond 4 KiB, as on a full disk.

    Only around the call under test: pytest's own output may go to a longer file.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_failed_write_leaves_the_former_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_safetensors(path, TENSORS, {})
    before = path.read_bytes()
    expected = r"w\.safetensors: cannot be written .* disk has room"
    with limited_disk(), pytest.raises(CheckpointError, match=expected):
        save_safetensors(path, {"large": np.zeros(10_000, np.float32)}, {})
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["w.safetensors"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_failure_after_writing_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, step, fail)
    with pytest.raises(CheckpointError, match="No space left"):
        save_safetensors(tmp_path / "w.safetensors", TENSORS, {})
    assert list(tmp_path.iterdir()) == []


def test_bytes_are_synced_before_the_name_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)

        def record(*arguments: object, _real: object = real, _name: str = name) -> None:
            order.append(_name)
            _real(*arguments)  # type: ignore[operator]

        monkeypatch.setattr(files.os, name, record)
    save_safetensors(tmp_path / "w.safetensors", TENSORS, {})
    assert order == ["fsync", "replace", "fsync"]


def test_absent_folder(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="folder exists"):
        save_safetensors(tmp_path / "no" / "w.safetensors", TENSORS, {})


def test_a_new_file_may_be_read_by_whom_the_umask_allows(tmp_path: Path) -> None:
    former = os.umask(0o022)
    try:
        save_safetensors(tmp_path / "w.safetensors", TENSORS, {})
    finally:
        os.umask(former)
    assert (tmp_path / "w.safetensors").stat().st_mode & 0o777 == 0o644
