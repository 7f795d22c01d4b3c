from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from mindtune.data.datasets import create_dataset, dataset_spec, splits_of
from mindtune.data.datasets.flowers102 import FLOWERS102, load_flowers102
from mindtune.errors import DataError

NAMES = ("pink primrose", "hard-leaved pocket orchid", "canterbury bells")
SPEC = replace(
    FLOWERS102, num_classes=3, counts={"train": 3, "val": 2, "test": 2}, class_names=NAMES
)
LABELS = [3, 1, 1, 2, 3, 2, 1]
IDS = {"trnid": [6, 2, 5], "valid": [7, 1], "tstid": [4, 3]}


@pytest.fixture
def flowers(tmp_path, write_image) -> Path:
    home = tmp_path / "flowers-102"
    home.mkdir()
    savemat(home / "imagelabels.mat", {"labels": np.array([LABELS], dtype=np.uint8)})
    savemat(home / "setid.mat", {key: np.array([ids], np.uint16) for key, ids in IDS.items()})
    for number in range(1, 8):
        write_image(home / "jpg" / f"image_{number:05d}.jpg", 20 * number)
    return home


@pytest.mark.parametrize("own_folder", [True, False])
@pytest.mark.parametrize(
    ("split", "images", "labels"),
    [("train", [6, 2, 5], [1, 0, 2]), ("val", [7, 1], [0, 2]), ("test", [4, 3], [1, 0])],
)
def test_official_files(split, images, labels, own_folder, flowers):
    source = load_flowers102(SPEC, flowers if own_folder else flowers.parent, split)
    assert [path.name for path in source.paths] == [f"image_{i:05d}.jpg" for i in images]
    assert [round(np.asarray(source.load(i)).mean() / 20) for i in range(len(images))] == images
    assert source.labels.tolist() == labels
    assert source.labels.dtype == np.int32
    assert source.class_names == NAMES


def test_the_102_names():
    names = dataset_spec("flowers102").class_names
    assert len(set(names)) == 102
    # label 1, and a few in the middle and at the end of the category page's list
    assert (names[0], names[50], names[72], names[76], names[101]) == (
        *("pink primrose", "petunia", "water lily", "passion flower", "blackberry lily"),
    )


def test_splits_of_both_forms(flowers, tmp_path, write_class_folders):
    assert splits_of("flowers102", flowers) == ("train", "val", "test")
    other = tmp_path / "other"
    write_class_folders(other / "train", {"1": 1})
    write_class_folders(other / "val", {"1": 1})
    assert splits_of("flowers102", other) == ("train", "val")
    with pytest.raises(DataError, match=r"got split 'test', expected .*: train, val"):
        create_dataset("flowers102", other, "test")


def test_an_image_folder(tmp_path, write_class_folders):
    for split in ("train", "val"):
        write_class_folders(tmp_path / split, {"1": 2, "2": 1, "10": 1})
    source = load_flowers102(SPEC, tmp_path, "val")
    assert source.class_names == ("1", "2", "10")
    assert source.labels.tolist() == [0, 0, 1, 2]
    with pytest.raises(DataError, match=r"got 3 classes in .*train, expected 102"):
        load_flowers102(FLOWERS102, tmp_path, "val")


@pytest.mark.parametrize("missing", ["imagelabels.mat", "setid.mat"])
def test_a_missing_list_is_named(missing, flowers):
    (flowers / missing).unlink()
    with pytest.raises(DataError, match=rf"{flowers} without {missing}, expected imagelabels"):
        load_flowers102(SPEC, flowers.parent, "train")


def test_missing_images(flowers):
    (flowers / "jpg" / "image_00002.jpg").unlink()
    with pytest.raises(DataError, match=r"image_00002\.jpg.*\(1 of 3 are missing\)"):
        load_flowers102(SPEC, flowers, "train")


def test_official_counts(flowers):
    with pytest.raises(DataError, match=r"'val': got 2 images in .*setid\.mat, expected 1,020"):
        load_flowers102(FLOWERS102, flowers, "val")


def test_labels_that_do_not_cover_the_ids(flowers):
    savemat(flowers / "imagelabels.mat", {"labels": np.array([LABELS[:5]])})
    with pytest.raises(DataError, match=r"setid\.mat: got numbers 2 to 6, expected 1 to 5"):
        load_flowers102(SPEC, flowers, "train")


def test_labels_beyond_the_classes(flowers):
    savemat(flowers / "imagelabels.mat", {"labels": np.array([[*LABELS[:6], 4]])})
    with pytest.raises(DataError, match=r"imagelabels\.mat: got numbers 1 to 4, expected 1 to 3"):
        load_flowers102(SPEC, flowers, "train")
