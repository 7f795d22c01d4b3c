from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mindtune.data.datasets import create_dataset, omniglot, splits_of
from mindtune.errors import DataError

CHARACTERS = {"Greek": 2, "Latin": 1}


@pytest.fixture
def write_part(tmp_path, monkeypatch):
    """Write a part as folders in its true layout: 1-bit drawings, two a character, not twenty."""
    parts = {name: (split, 3) for name, (split, _) in omniglot._PARTS.items()}
    monkeypatch.setattr(omniglot, "_PARTS", parts)
    monkeypatch.setattr(omniglot, "_DRAWINGS", 2)

    def write(name: str, parent: Path = tmp_path) -> Path:
        for place, (alphabet, count) in enumerate(CHARACTERS.items()):
            for character in range(1, count + 1):
                folder = parent / name / alphabet / f"character{character:02d}"
                folder.mkdir(parents=True)
                for drawing in (1, 2):
                    pixels = np.ones((5, 5), bool)
                    pixels[place, character] = False
                    pixels[4, drawing] = False
                    Image.fromarray(pixels).save(folder / f"0{place}{character}_{drawing:02d}.png")
        return parent / name

    return write


def pack(folder: Path, archive: Path) -> Path:
    with zipfile.ZipFile(archive, "w") as packed:
        for file in [folder, *sorted(folder.rglob("*"))]:
            packed.write(file, file.relative_to(folder.parent))
    return archive


def test_an_archive_is_read_as_its_folder(write_part, tmp_path):
    folder = write_part("images_evaluation")
    archive = pack(folder, tmp_path / "as_downloaded.zip")
    unpacked = create_dataset("omniglot", folder, "test")
    packed = create_dataset("omniglot", archive, "test")
    assert unpacked.class_names == packed.class_names
    assert unpacked.class_names == ("Greek/character01", "Greek/character02", "Latin/character01")
    assert unpacked.labels.tolist() == packed.labels.tolist() == [0, 0, 1, 1, 2, 2]
    for index in range(6):
        assert np.array_equal(unpacked.load(index), packed.load(index))
    assert packed.load(3).getpixel((2, 0)) == (0, 0, 0)
    assert packed.load(3).mode == "RGB"
    assert packed.describe(3).endswith("images_evaluation/Greek/character02/002_02.png")


def test_splits_and_the_whole_set_before_a_small_one(write_part, tmp_path):
    write_part("images_background_small1")
    assert splits_of("omniglot", tmp_path) == ("train",)
    pack(write_part("images_background", tmp_path / "else"), tmp_path / "a.zip")
    pack(write_part("images_evaluation", tmp_path / "else"), tmp_path / "b.zip")
    assert splits_of("omniglot", tmp_path) == ("train", "test")
    assert "images_background/" in create_dataset("omniglot", tmp_path, "train").describe(0)


def test_a_missing_drawing_is_noticed(write_part):
    folder = write_part("images_evaluation")
    (folder / "Latin" / "character01" / "011_02.png").unlink()
    with pytest.raises(DataError, match=r"got 3 characters and 5 drawings in .*, expected 3 and 6"):
        create_dataset("omniglot", folder, "test")


def test_faults_of_archives_are_named(write_part, tmp_path):
    archive = pack(write_part("images_evaluation", tmp_path / "else"), tmp_path / "a.zip")
    content = bytearray(archive.read_bytes())
    content[60:64] = b"\0\0\0\0"
    start = content.index(b"IDAT")
    content[start : start + 4] = b"????"
    archive.write_bytes(bytes(content))
    with pytest.raises(DataError, match=r"a\.zip: got an archive that cannot be read"):
        create_dataset("omniglot", archive, "test")
    (tmp_path / "no.zip").write_bytes(b"no archive")
    with pytest.raises(DataError, match=r"got none of its parts in .*no\.zip, expected a folder"):
        create_dataset("omniglot", tmp_path / "no.zip", "test")
