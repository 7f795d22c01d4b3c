"""Images listed in four text tables, the form that CUB-200-2011 and NABirds share.

``images.txt`` (id path), ``image_class_labels.txt`` (id class), ``train_test_split.txt``
(id 1 for train or 0 for test), ``classes.txt`` (class name), and the folder ``images/``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mindtune.data.datasets.disk_layout import check_class_count, check_count, require_files
from mindtune.data.datasets.path_list import PathList
from mindtune.data.datasets.spec import DatasetSpec
from mindtune.data.datasets.text_table import read_table
from mindtune.data.source import ImageFiles
from mindtune.errors import DataError

LISTED_FILES = (
    "images.txt",
    "image_class_labels.txt",
    "train_test_split.txt",
    "classes.txt",
    "images",
)


def read_listed_images(spec: DatasetSpec, home: Path, split: str) -> ImageFiles:
    """One split in the order of ``images.txt``; used class ids are renumbered 0..n-1, ascending.

    Args:
        spec: the facts to check against.
        home: the folder that holds ``LISTED_FILES``.
        split: 'train' or 'test'.

    Raises:
        DataError: tables that contradict each other, wrong counts, or missing images.
    """
    images = read_table(home / "images.txt")
    classes = _column(home / "image_class_labels.txt", images)
    parts = _column(home / "train_test_split.txt", images)
    used = sorted(set(classes.values()), key=lambda text: _number(home, text))
    check_class_count(spec, len(used), home / "image_class_labels.txt")
    rank = {class_id: label for label, class_id in enumerate(used)}
    wanted = {"train": "1", "test": "0"}[split]
    chosen = [key for key in images if parts[key] == wanted]
    check_count(spec, split, len(chosen), home / "train_test_split.txt")
    paths = PathList(home / "images", [images[key] for key in chosen])
    require_files(spec, paths, home / "images.txt")
    labels = np.array([rank[classes[key]] for key in chosen], dtype=np.int32)
    return ImageFiles(paths, labels, _class_names(home / "classes.txt", used))


def _column(path: Path, images: Mapping[str, str]) -> dict[str, str]:
    """A table with one line for every image. Raises ``DataError`` when one is missing."""
    table = read_table(path)
    missing = [key for key in images if key not in table]
    if missing:
        raise DataError(
            f"{path}: got no line for image {missing[0]} ({len(missing):,} of {len(images):,} "
            "missing), expected one for each in images.txt; half-unpacked? unpack it again"
        )
    return table


def _number(home: Path, class_id: str) -> int:
    if not class_id.isdecimal():
        raise DataError(
            f"{home / 'image_class_labels.txt'}: got class {class_id!r}, expected a number"
        )
    return int(class_id)


def _class_names(path: Path, used: list[str]) -> tuple[str, ...]:
    names = read_table(path)
    missing = [class_id for class_id in used if class_id not in names]
    if missing:
        raise DataError(f"{path}: got no line for class {missing[0]}, expected its name")
    return tuple(names[class_id] for class_id in used)
