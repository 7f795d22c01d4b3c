from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mindtune.data.datasets import splits_of
from mindtune.data.datasets.stl10 import STL10, load_stl10
from mindtune.errors import DataError

NAMES = ("airplane", "bird", "car")
SPEC = replace(STL10, num_classes=3, counts={"train": 3, "test": 2})
LABELS = {"train": [2, 3, 1], "test": [3, 1]}


def images_of(split: str) -> np.ndarray:
    """uint8 (N, 96, 96, 3) in which every pixel of an image differs from its neighbours."""
    return np.random.RandomState(len(split)).randint(
        0, 256, (len(LABELS[split]), 96, 96, 3), dtype=np.uint8
    )


@pytest.fixture
def stl10(tmp_path) -> Path:
    home = tmp_path / "stl10_binary"
    home.mkdir()
    (home / "class_names.txt").write_text("\n".join(NAMES) + "\n")
    for split, labels in LABELS.items():
        planes = [
            image[:, :, channel].tobytes(order="F")
            for image in images_of(split)
            for channel in range(3)
        ]
        (home / f"{split}_X.bin").write_bytes(b"".join(planes))
        (home / f"{split}_y.bin").write_bytes(bytes(labels))
    return home


@pytest.mark.parametrize("own_folder", [True, False])
@pytest.mark.parametrize("split", ["train", "test"])
def test_official_files(split, own_folder, stl10):
    source = load_stl10(SPEC, stl10 if own_folder else stl10.parent, split)
    np.testing.assert_array_equal(source.pixels, images_of(split))
    np.testing.assert_array_equal(np.asarray(source.load(1)), images_of(split)[1])
    assert source.labels.tolist() == [label - 1 for label in LABELS[split]]
    assert source.labels.dtype == np.int32
    assert source.class_names == NAMES
    assert source.describe(1) == f"stl10/{split} image 1"
    assert splits_of("stl10", stl10) == ("train", "test")


def test_an_image_folder(tmp_path, write_class_folders):
    for split in ("train", "test"):
        write_class_folders(tmp_path / split, dict.fromkeys(NAMES, 1))
    assert load_stl10(SPEC, tmp_path, "test").class_names == NAMES


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("train_X.bin", bytes(96 * 96 * 3 + 5), "got 27,653 bytes, expected a multiple of 27,648"),
        ("train_X.bin", bytes(96 * 96 * 3), "'train': got 1 images in .*, expected 3;"),
        ("train_y.bin", bytes([1, 2]), "got 2 labels from 1 to 2, expected 3 from 1 to 3"),
        ("train_y.bin", bytes([1, 2, 4]), "got 3 labels from 1 to 4, expected 3 from 1 to 3"),
        ("train_y.bin", bytes([1, 2, 0]), "got 3 labels from 0 to 2, expected 3 from 1 to 3"),
        ("train_y.bin", b"", "got 0 labels"),
        ("class_names.txt", b"airplane\nbird\n", "got 2 classes in .*class_names.txt, expected 3"),
    ],
)
def test_broken_files(file, content, message, stl10):
    (stl10 / file).write_bytes(content)
    with pytest.raises(DataError, match=message):
        load_stl10(SPEC, stl10, "train")


def test_a_missing_part_is_named(stl10):
    (stl10 / "test_y.bin").unlink()
    with pytest.raises(DataError, match=rf"{stl10} without test_y\.bin, expected train_X\.bin"):
        load_stl10(SPEC, stl10.parent, "train")
