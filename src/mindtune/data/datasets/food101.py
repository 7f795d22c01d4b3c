"""Food-101."""

from __future__ import annotations

from pathlib import Path

from mindtune.data.datasets.folder import load_folder
from mindtune.data.datasets.labelled_files import labelled_files
from mindtune.data.datasets.official_form import form_splits, official_home
from mindtune.data.datasets.path_list import PathList
from mindtune.data.datasets.registry import register_dataset
from mindtune.data.datasets.spec import DatasetSpec
from mindtune.data.datasets.text_table import read_lines
from mindtune.data.source import ImageSource

FOOD101 = DatasetSpec(
    name="food101",
    title="Food-101",
    source=(
        "Bossard et al., Food-101 - Mining Discriminative Components with Random Forests, "
        "ECCV 2014; images from Foodspotting, scientific fair use only"
    ),
    splits=("train", "val", "test"),
    num_classes=101,
    counts={"train": 75_750, "test": 25_250},
    folders=("food-101", "food101"),
)

OFFICIAL_FILES = ("meta/train.txt", "meta/test.txt", "meta/classes.txt", "images")


def find_splits(spec: DatasetSpec, root: Path) -> tuple[str, ...]:
    """Train and test in the official form, the folders there are in an image folder."""
    return form_splits(spec, root, OFFICIAL_FILES, official=("train", "test"))


@register_dataset(FOOD101, find_splits)
def load_food101(spec: DatasetSpec, root: Path, split: str) -> ImageSource:
    """One split of the official files, or of an image folder with 101 classes.

    Class 'apple_pie' is called 'apple pie'. An image folder is made by hand: its image counts are
    not compared with the official ones.

    Raises:
        DataError: not found, half-unpacked, or wrong counts.
    """
    home = official_home(spec, root, OFFICIAL_FILES)
    if home is None:
        return load_folder(spec, root, split)
    table = home / "meta" / f"{split}.txt"
    stems = read_lines(table)
    paths = PathList(home / "images", [f"{stem}.jpg" for stem in stems])
    dishes = [stem.partition("/")[0] for stem in stems]
    classes = read_lines(home / "meta" / "classes.txt")
    return labelled_files(spec, split, table, paths, dishes, classes)
