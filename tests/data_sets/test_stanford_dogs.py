from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from mindtune.data.datasets.stanford_dogs import STANFORD_DOGS, load_stanford_dogs
from mindtune.errors import DataError

SPEC = replace(STANFORD_DOGS, num_classes=2, counts={"train": 3, "test": 2})
ROWS = {
    "train": [
        ("n02085620-Chihuahua/n02085620_10074", 1),
        ("n02086240-Shih-Tzu/n02086240_1011", 2),
        ("n02085620-Chihuahua/n02085620_10131", 1),
    ],
    "test": [
        ("n02086240-Shih-Tzu/n02086240_2", 2),
        ("n02085620-Chihuahua/n02085620_3", 1),
    ],
}


def write_list(path: Path, rows) -> None:
    """As the official lists: cells of strings (N, 1), labels as a double column."""
    stems = np.empty((len(rows), 1), dtype=object)
    files = np.empty((len(rows), 1), dtype=object)
    for index, (stem, _) in enumerate(rows):
        stems[index, 0], files[index, 0] = stem, f"{stem}.jpg"
    labels = np.array([[float(label)] for _, label in rows])
    savemat(path, {"file_list": files, "annotation_list": stems, "labels": labels})


@pytest.fixture
def dogs(tmp_path, write_image) -> Path:
    home = tmp_path / "stanford_dogs"
    home.mkdir()
    for split, rows in ROWS.items():
        write_list(home / f"{split}_list.mat", rows)
        for number, (stem, _) in enumerate(rows, start=1):
            write_image(home / "Images" / f"{stem}.jpg", 20 * number)
    return home


@pytest.mark.parametrize("own_folder", [True, False])
@pytest.mark.parametrize("split", ["train", "test"])
def test_lists_and_images_agree(split, own_folder, dogs):
    source = load_stanford_dogs(SPEC, dogs if own_folder else dogs.parent, split)
    assert list(source.paths) == [dogs / "Images" / f"{stem}.jpg" for stem, _ in ROWS[split]]
    assert source.labels.tolist() == [label - 1 for _, label in ROWS[split]]
    assert source.labels.dtype == np.int32
    assert source.class_names == ("Chihuahua", "Shih-Tzu")
    assert round(np.asarray(source.load(1)).mean() / 20) == 2


def test_official_counts(dogs):
    with pytest.raises(DataError, match=r"got 2 classes in .*train_list\.mat, expected 120"):
        load_stanford_dogs(STANFORD_DOGS, dogs, "train")
    with pytest.raises(DataError, match=r"got 3 images in .*train_list\.mat, expected 12,000"):
        load_stanford_dogs(replace(STANFORD_DOGS, num_classes=2), dogs, "train")


def test_missing_parts_are_named(dogs):
    (dogs / "Images" / f"{ROWS['train'][1][0]}.jpg").unlink()
    with pytest.raises(DataError, match=r"n02086240_1011\.jpg.*\(1 of 3 are missing\)"):
        load_stanford_dogs(SPEC, dogs, "train")
    (dogs / "test_list.mat").unlink()
    with pytest.raises(DataError, match=r"without test_list\.mat, expected test_list\.mat, Images"):
        load_stanford_dogs(SPEC, dogs, "test")


@pytest.mark.parametrize("cut", [0, 100, 200, 400, 700])
def test_a_list_cut_off(cut, dogs):
    path = dogs / "train_list.mat"
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(
        DataError, match=r"train_list\.mat: got a (file that cannot|Matlab file wi)"
    ):
        load_stanford_dogs(SPEC, dogs, "train")


def test_another_matlab_file(dogs):
    savemat(dogs / "train_list.mat", {"labels": np.ones(3)})
    with pytest.raises(DataError, match="a Matlab file without annotation_list"):
        load_stanford_dogs(SPEC, dogs, "train")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("a/1", 0), ("b/1", 1), ("a/2", 0)], "got numbers 0 to 1, expected 1 to 2"),
        ([("a/1", 1), ("b/1", 2), ("b/2", 1)], "got label 1 for both a and b"),
    ],
)
def test_lists_that_contradict_themselves(rows, message, dogs, write_image):
    write_list(dogs / "train_list.mat", rows)
    for stem, _ in rows:
        write_image(dogs / "Images" / f"{stem}.jpg", 0)
    with pytest.raises(DataError, match=message):
        load_stanford_dogs(SPEC, dogs, "train")


def test_lists_of_different_lengths(dogs):
    stems = np.array([["a/1"], ["b/1"], ["c/1"]], dtype=object)
    savemat(dogs / "train_list.mat", {"annotation_list": stems, "labels": np.array([1.0, 2.0])})
    with pytest.raises(DataError, match="got 2 labels, expected one for each of 3 images"):
        load_stanford_dogs(SPEC, dogs, "train")


def test_labels_that_are_no_numbers(dogs):
    stems = np.array([["a/1"], ["b/1"], ["b/2"]], dtype=object)
    words = np.array([["x"], ["yy"], ["yy"]], dtype=object)
    savemat(dogs / "train_list.mat", {"annotation_list": stems, "labels": words})
    with pytest.raises(DataError, match="got an entry that is no number"):
        load_stanford_dogs(SPEC, dogs, "train")
