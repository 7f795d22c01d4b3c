"""Images sorted into one folder a class: ``<folder>/<class>/**/<image>``."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mindtune.data.datasets.disk_layout import first_few
from mindtune.data.datasets.path_list import PathList
from mindtune.data.datasets.spec import DatasetSpec
from mindtune.data.natural_order import natural_order
from mindtune.data.source import ImageFiles
from mindtune.errors import DataError

IMAGE_EXTENSIONS = (
    ".jpg", ".jpeg", ".jfif", ".png", ".bmp", ".gif", ".webp", ".pgm", ".ppm", ".tif", ".tiff",
)  # fmt: skip


def list_class_folders(spec: DatasetSpec, folder: Path) -> tuple[str, ...]:
    """Names of the class folders in natural order; hidden ones are no classes.

    Raises:
        DataError: there is none.
    """
    names = [
        entry.name
        for entry in os.scandir(folder)
        if entry.is_dir() and not entry.name.startswith(".")
    ]
    if not names:
        raise DataError(
            f"{spec}: got no class folder in {folder}, expected one folder a class with its "
            "images inside; sort the images into class folders"
        )
    return tuple(sorted(names, key=natural_order))


def require_class_folders(
    spec: DatasetSpec, folder: Path, expected: Sequence[str], expected_by: str
) -> None:
    """Check that ``folder`` has exactly the ``expected`` class folders.

    Args:
        spec: the data set, for the message.
        folder: the folder of one split.
        expected: class folder names.
        expected_by: where they come from, for the message.

    Raises:
        DataError: naming the missing and the unexpected ones.
    """
    found = set(list_class_folders(spec, folder))
    missing = [name for name in expected if name not in found]
    foreign = sorted(found.difference(expected), key=natural_order)
    faults = []
    if missing:
        faults.append(f"lacks {first_few(missing)}")
    if foreign:
        faults.append(f"has also {first_few(foreign)}")
    if faults:
        raise DataError(
            f"{spec}: got class folders in {folder} that differ from {expected_by}: "
            f"{folder.name} {' and '.join(faults)}; expected the same {len(expected):,} classes"
        )


def read_class_folders(
    spec: DatasetSpec, folder: Path, folders: Sequence[str], class_names: Sequence[str]
) -> ImageFiles:
    """All images below the given class folders, labelled by the rank of their folder.

    Links to folders are followed; hidden files and folders are left out.

    Args:
        spec: the data set, for messages.
        folder: what holds the class folders.
        folders: class folder names in label order.
        class_names: readable names in label order.

    Raises:
        DataError: a class folder holds no image.
    """
    names: list[str] = []
    counts = []
    for name in folders:
        images = _images_below(folder / name, name)
        if not images:
            raise DataError(
                f"{spec}: got no image in class folder {folder / name}, expected files ending in "
                f"{', '.join(IMAGE_EXTENSIONS)}; add images or remove the folder"
            )
        names.extend(images)
        counts.append(len(images))
    labels = np.repeat(np.arange(len(folders), dtype=np.int32), counts)
    return ImageFiles(PathList(folder, names), labels, tuple(class_names))


def _images_below(folder: Path, prefix: str) -> list[str]:
    """Paths of the images at any depth, beginning with ``prefix``, sorted."""
    found = []
    for directory, children, files in os.walk(folder, followlinks=True):
        children[:] = [child for child in children if not child.startswith(".")]
        inner = Path(directory).relative_to(folder).as_posix()
        stem = prefix if inner == "." else f"{prefix}/{inner}"
        found += [
            f"{stem}/{file}"
            for file in files
            if not file.startswith(".") and file.lower().endswith(IMAGE_EXTENSIONS)
        ]
    return sorted(found)
