"""Any image folder: ``<root>/<split>/<class>/**/<image>``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mindtune.data.datasets.class_folders import (
    list_class_folders,
    read_class_folders,
    require_class_folders,
)
from mindtune.data.datasets.disk_layout import check_class_count, first_few
from mindtune.data.datasets.registry import register_dataset
from mindtune.data.datasets.spec import DatasetSpec
from mindtune.data.datasets.split_folders import find_split_folders, split_folders
from mindtune.data.datasets.text_table import read_table
from mindtune.data.source import ImageSource
from mindtune.errors import DataError

CLASS_NAMES = "classnames.txt"

FOLDER = DatasetSpec(
    name="folder",
    title="image folder",
    source="your own images: <root>/<split>/<class>/<image>",
    splits=("train", "val", "test"),
)


@register_dataset(FOLDER, find_split_folders)
def load_folder(spec: DatasetSpec, root: Path, split: str) -> ImageSource:
    """One split of an image folder; class ids are ranks of the naturally sorted train folders.

    Where there is no train folder, the split's own class folders decide. Classes are called by
    their folders, or as ``classnames.txt`` beside the split folders says.

    Raises:
        DataError: no class folders, an empty one, other classes than train has, or a list of names
            without one of them.
    """
    places = split_folders(spec, root)
    reference = places.get("train", places[split])
    classes = list_class_folders(spec, reference)
    check_class_count(spec, len(classes), reference)
    require_class_folders(spec, places[split], classes, str(reference))
    names = readable_names(reference.parent / CLASS_NAMES, classes)
    return read_class_folders(spec, places[split], classes, names)


def readable_names(path: Path, folders: Sequence[str]) -> tuple[str, ...]:
    """What the list ``path`` calls the class folders; their own names where there is no list.

    A line is a folder and its name, 'n01440764 tench'; a tab between them lets the folder have
    spaces. Lines of other folders are passed over, so that one list serves subsets too.

    Raises:
        DataError: the list is malformed or lacks a folder.
    """
    if not path.is_file():
        return tuple(folders)
    names = read_table(path)
    missing = [folder for folder in folders if folder not in names]
    if missing:
        raise DataError(
            f"{path}: got no line for class folder {first_few(missing)}, expected 'folder name' "
            "for each; add it or remove the list"
        )
    return tuple(names[folder] for folder in folders)
