"""Stanford Cars, whole images (the bounding boxes are not used)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mindtune.data.datasets.disk_layout import (
    check_class_count,
    check_count,
    require_files,
    require_home,
)
from mindtune.data.datasets.folder import load_folder
from mindtune.data.datasets.mat_file import read_mat, zero_based
from mindtune.data.datasets.official_form import form_splits, official_home
from mindtune.data.datasets.path_list import PathList
from mindtune.data.datasets.registry import register_dataset
from mindtune.data.datasets.spec import DatasetSpec
from mindtune.data.source import ImageFiles, ImageSource
from mindtune.errors import DataError

STANFORD_CARS = DatasetSpec(
    name="stanford_cars",
    title="Stanford Cars",
    source=(
        "Krause et al., 3D Object Representations for Fine-Grained Categorization, 3dRR 2013; "
        "non-commercial research only"
    ),
    splits=("train", "val", "test"),
    num_classes=196,
    counts={"train": 8_144, "test": 8_041},
    folders=("stanford_cars",),
)

META_FILE = "devkit/cars_meta.mat"
TRAIN_FILE = "devkit/cars_train_annos.mat"
OFFICIAL_FILES = (META_FILE, TRAIN_FILE)
TEST_FILE = "cars_test_annos_withlabels.mat"


def find_splits(spec: DatasetSpec, root: Path) -> tuple[str, ...]:
    """Train and test in the official form, the folders there are in an image folder."""
    return form_splits(spec, root, OFFICIAL_FILES, official=("train", "test"))


@register_dataset(STANFORD_CARS, find_splits)
def load_stanford_cars(spec: DatasetSpec, root: Path, split: str) -> ImageSource:
    """One split of the official files, or of an image folder with 196 classes.

    An image folder is made by hand: its image counts are not compared with the official ones,
    and its labels are ranks of folder names, which are not the devkit's labels.

    Raises:
        DataError: not found, half-unpacked, or wrong counts.
    """
    home = official_home(spec, root, OFFICIAL_FILES)
    if home is None:
        return load_folder(spec, root, split)
    require_home(spec, home, (*OFFICIAL_FILES, f"cars_{split}"))
    names = read_mat(home / META_FILE, ("class_names",))["class_names"]
    check_class_count(spec, len(names), home / META_FILE)
    table = _annotation_file(spec, home, split)
    files, classes = _read_annotations(table)
    check_count(spec, split, len(files), table)
    paths = PathList(home / f"cars_{split}", files)
    require_files(spec, paths, table)
    labels = zero_based(table, classes, len(names))
    return ImageFiles(paths, labels, tuple(str(name) for name in names))


def _annotation_file(spec: DatasetSpec, home: Path, split: str) -> Path:
    """The list of a split; the labelled test list was published apart from the devkit."""
    if split == "train":
        return home / TRAIN_FILE
    places = (home / TEST_FILE, home / "devkit" / TEST_FILE)
    for place in places:
        if place.is_file():
            return place
    raise DataError(
        f"{spec}, split {split!r}: got no {' or '.join(map(str, places))}, expected the list with "
        "labels (the devkit's cars_test_annos.mat has none); add the file"
    )


def _read_annotations(path: Path) -> tuple[list[str], np.ndarray]:
    """File names and classes 1..n. Raises ``DataError`` for a list without them."""
    table = read_mat(path, ("annotations",))["annotations"]
    if not {"fname", "class"}.issubset(table.dtype.names or ()):
        raise DataError(
            f"{path}: got annotations with fields {table.dtype.names}, expected fname and class; "
            "is it the official file, with labels?"
        )
    return [str(file) for file in table["fname"]], table["class"]
