from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from mindtune.data.datasets import splits_of
from mindtune.data.datasets.stanford_cars import STANFORD_CARS, load_stanford_cars
from mindtune.errors import DataError

SPEC = replace(STANFORD_CARS, num_classes=3, counts={"train": 3, "test": 2})
NAMES = ("AM General Hummer SUV 2000", "Acura RL Sedan 2012", "smart fortwo Convertible 2012")
CLASSES = {"train": [3, 1, 2], "test": [2, 3]}
BOX = ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2")


def write_annotations(path: Path, classes: list[int], fields=(*BOX, "class", "fname")) -> None:
    """A struct array (1, N), as the devkit has it."""
    table = np.zeros((1, len(classes)), dtype=[(field, object) for field in fields])
    for index, label in enumerate(classes):
        row = {"class": label, "fname": f"{index + 1:05d}.jpg"}
        table[0, index] = tuple(row.get(field, 5) for field in fields)
    savemat(path, {"annotations": table})


@pytest.fixture
def cars(tmp_path, write_image) -> Path:
    home = tmp_path / "stanford_cars"
    (home / "devkit").mkdir(parents=True)
    names = np.empty((1, 3), dtype=object)
    names[0] = NAMES
    savemat(home / "devkit" / "cars_meta.mat", {"class_names": names})
    write_annotations(home / "devkit" / "cars_train_annos.mat", CLASSES["train"])
    write_annotations(home / "devkit" / "cars_test_annos.mat", CLASSES["test"], (*BOX, "fname"))
    write_annotations(home / "cars_test_annos_withlabels.mat", CLASSES["test"])
    for split, classes in CLASSES.items():
        for number in range(1, len(classes) + 1):
            write_image(home / f"cars_{split}" / f"{number:05d}.jpg", 20 * number)
    return home


@pytest.mark.parametrize("own_folder", [True, False])
@pytest.mark.parametrize("split", ["train", "test"])
def test_official_files(split, own_folder, cars):
    source = load_stanford_cars(SPEC, cars if own_folder else cars.parent, split)
    count = len(CLASSES[split])
    assert list(source.paths) == [
        cars / f"cars_{split}" / f"{number:05d}.jpg" for number in range(1, count + 1)
    ]
    assert source.labels.tolist() == [label - 1 for label in CLASSES[split]]
    assert source.labels.dtype == np.int32
    assert source.class_names == NAMES
    assert splits_of("stanford_cars", cars) == ("train", "test")


def test_labelled_test_list_inside_the_devkit(cars):
    name = "cars_test_annos_withlabels.mat"
    (cars / name).rename(cars / "devkit" / name)
    assert load_stanford_cars(SPEC, cars, "test").labels.tolist() == [1, 2]


def test_without_the_labelled_test_list(cars):
    (cars / "cars_test_annos_withlabels.mat").unlink()
    with pytest.raises(
        DataError, match=r"cars_test_annos_withlabels\.mat or .*devkit.*cars_test_annos\.mat has no"
    ):
        load_stanford_cars(SPEC, cars, "test")
    assert len(load_stanford_cars(SPEC, cars, "train")) == 3


def test_a_list_without_labels_under_the_right_name(cars):
    (cars / "devkit" / "cars_test_annos.mat").rename(cars / "cars_test_annos_withlabels.mat")
    with pytest.raises(DataError, match=r"got annotations with fields .*'fname'\), expected fname"):
        load_stanford_cars(SPEC, cars, "test")


def test_an_image_folder(tmp_path, write_class_folders):
    for split in ("train", "val"):
        write_class_folders(tmp_path / split, dict.fromkeys(NAMES, 1))
    assert splits_of("stanford_cars", tmp_path) == ("train", "val")
    # ranks of folder names, which are not the devkit's labels
    in_order = (NAMES[1], NAMES[0], NAMES[2])
    assert load_stanford_cars(SPEC, tmp_path, "val").class_names == in_order
    with pytest.raises(DataError, match=r"got 3 classes in .*train, expected 196"):
        load_stanford_cars(STANFORD_CARS, tmp_path, "val")


@pytest.mark.parametrize(
    "missing", ["devkit/cars_meta.mat", "devkit/cars_train_annos.mat", "cars_train"]
)
def test_a_missing_part_is_named(missing, cars):
    (cars / missing).rename(cars / "elsewhere")
    with pytest.raises(DataError, match=rf"{cars} without {missing}, expected .*half-unpacked"):
        load_stanford_cars(SPEC, cars, "train")


def test_missing_images(cars):
    (cars / "cars_test" / "00002.jpg").unlink()
    with pytest.raises(DataError, match=r"cars_test/00002\.jpg.*\(1 of 2 are missing\)"):
        load_stanford_cars(SPEC, cars, "test")


def test_official_counts(cars):
    with pytest.raises(DataError, match=r"got 3 classes in .*cars_meta\.mat, expected 196"):
        load_stanford_cars(STANFORD_CARS, cars, "train")
    spec = replace(STANFORD_CARS, num_classes=3)
    with pytest.raises(DataError, match=r"got 2 images in .*withlabels\.mat, expected 8,041"):
        load_stanford_cars(spec, cars, "test")


def test_labels_beyond_the_classes(cars):
    write_annotations(cars / "devkit" / "cars_train_annos.mat", [1, 2, 4])
    with pytest.raises(DataError, match=r"train_annos\.mat: got numbers 1 to 4, expected 1 to 3"):
        load_stanford_cars(SPEC, cars, "train")
