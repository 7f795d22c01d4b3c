from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

DATA = Path(__file__).parents[1] / "data" / "weights"


@pytest.fixture
def data() -> Path:
    """The folder of weight files."""
    return DATA


@pytest.fixture
def marker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file which the hostile weight files would create; it must not be there afterwards."""
    path = tmp_path / "executed"
    monkeypatch.setenv("PICKLE_MARKER_FILE", str(path))
    yield path
    assert not path.exists()


@pytest.fixture
def torch_zip(tmp_path: Path) -> Callable[..., Path]:
    """Write a pickle and storages as torch >= 1.6 does."""

    def write(pickled: bytes, **storages: bytes) -> Path:
        path = tmp_path / "made.pth"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("made/data.pkl", pickled)
            archive.writestr("made/byteorder", "little")
            for key, content in storages.items():
                archive.writestr(f"made/data/{key.lstrip('_')}", content)
        return path

    return write
