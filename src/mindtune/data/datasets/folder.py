"""Any image folder: ``<root>/<split>/<class>/**/<image>``."""

from __future__ import annotations

from pathlib import Path

from mindtune.data.datasets.class_folders import (
    list_class_folders,
    read_class_folders,
    require_class_folders,
)
from mindtune.data.datasets.disk_layout import check_class_count
from mindtune.data.datasets.registry import register_dataset
from mindtune.data.datasets.spec import DatasetSpec
from mindtune.data.datasets.split_folders import find_split_folders, split_folders
from mindtune.data.source import ImageSource

FOLDER = DatasetSpec(
    name="folder",
    title="image folder",
    source="your own images: <root>/<split>/<class>/<image>",
    splits=("train", "val", "test"),
)


@register_dataset(FOLDER, find_split_folders)
def load_folder(spec: DatasetSpec, root: Path, split: str) -> ImageSource:
    """One split of an image folder; class ids are ranks of the naturally sorted train folders.

    Where there is no train folder, the split's own class folders decide.

    Raises:
        DataError: no class folders, an empty one, or other classes than train has.
    """
    places = split_folders(spec, root)
    reference = places.get("train", places[split])
    classes = list_class_folders(spec, reference)
    check_class_count(spec, len(classes), reference)
    require_class_folders(spec, places[split], classes, str(reference))
    return read_class_folders(spec, places[split], classes, classes)
