"""Describable Textures Dataset, the first of its ten partitions."""

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

DTD = DatasetSpec(
    name="dtd",
    title="Describable Textures Dataset",
    source=(
        "Cimpoi et al., Describing Textures in the Wild, CVPR 2014; "
        "non-commercial research purposes only"
    ),
    splits=("train", "val", "test"),
    num_classes=47,
    counts={"train": 1_880, "val": 1_880, "test": 1_880},
    folders=("dtd",),
)

PARTITION = 1
"""Results are comparable only on the same partition; papers that name none use the first."""

OFFICIAL_FILES = (*(f"labels/{split}{PARTITION}.txt" for split in DTD.splits), "images")


def find_splits(spec: DatasetSpec, root: Path) -> tuple[str, ...]:
    """All three in the official form, the folders there are in an image folder."""
    return form_splits(spec, root, OFFICIAL_FILES, official=spec.splits)


@register_dataset(DTD, find_splits)
def load_dtd(spec: DatasetSpec, root: Path, split: str) -> ImageSource:
    """One split of the official files, or of an image folder with 47 classes.

    Labels are ranks of the class names, which the lists give as folders (banded/banded_0002.jpg).
    An image folder is made by hand: its image counts are not compared with the official ones.

    Raises:
        DataError: not found, half-unpacked, or wrong counts.
    """
    home = official_home(spec, root, OFFICIAL_FILES)
    if home is None:
        return load_folder(spec, root, split)
    table = home / "labels" / f"{split}{PARTITION}.txt"
    names = read_lines(table)
    textures = [name.partition("/")[0] for name in names]
    paths = PathList(home / "images", names)
    return labelled_files(spec, split, table, paths, textures, sorted(set(textures)))
