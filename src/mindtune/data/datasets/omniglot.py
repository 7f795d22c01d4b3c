"""Omniglot: 1,623 handwritten characters of 50 alphabets, 20 drawings of each."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

from mindtune.data.datasets.class_folders import list_class_folders, read_class_folders
from mindtune.data.datasets.registry import register_dataset
from mindtune.data.datasets.spec import DatasetSpec
from mindtune.data.natural_order import natural_order
from mindtune.data.source import EncodedImages, ImageSource
from mindtune.errors import DataError

OMNIGLOT = DatasetSpec(
    name="omniglot",
    title="Omniglot",
    source="Lake et al., Human-level concept learning, Science 2015; MIT",
    splits=("train", "test"),
    split_classes={"train": 964, "test": 659},
    counts={"train": 19_280, "test": 13_180},
)

_DRAWINGS = 20  # of each character
_PARTS = {  # top folder of an archive: its split, its characters
    "images_background": ("train", 964),
    "images_evaluation": ("test", 659),
    "images_background_small1": ("train", 136),
    "images_background_small2": ("train", 156),
}


def find_parts(spec: DatasetSpec, root: Path) -> tuple[str, ...]:
    """The splits which lie at ``root``. Raises ``DataError`` when there is none."""
    return tuple(_places(spec, root))


@register_dataset(OMNIGLOT, find_parts)
def load_omniglot(spec: DatasetSpec, root: Path, split: str) -> ImageSource:
    """One split, from unpacked folders or from archives as downloaded.

    train is the background set, or one of its two small versions where only that is there; test the
    evaluation set. A class is a character, called 'Greek/character01'.

    Raises:
        DataError: not found, or another number of characters or drawings.
    """
    name, place = _places(spec, root)[split]
    source = _read_folder(spec, place) if place.is_dir() else _read_archive(place, name)
    characters = _PARTS[name][1]
    found = len(source.class_names), len(source)
    if found != (characters, _DRAWINGS * characters):
        raise DataError(
            f"{spec}, split {split!r}: got {found[0]:,} characters and {found[1]:,} drawings in "
            f"{place}, expected {characters:,} and {_DRAWINGS * characters:,}; half-unpacked? "
            "unpack its archive again"
        )
    return source


def _places(spec: DatasetSpec, root: Path) -> dict[str, tuple[str, Path]]:
    """By split, the name of the part and its folder or archive; a whole set wins over a small."""
    inside = [root, *sorted(root.iterdir())] if root.is_dir() else [root]
    parts = {path.name: path for path in inside if path.is_dir()}
    archives = [path for path in inside if path.is_file() and path.suffix == ".zip"]
    for path in archives:
        parts.setdefault(_top_folder(path), path)
    places: dict[str, tuple[str, Path]] = {}
    for name, (split, _) in _PARTS.items():
        if name in parts:
            places.setdefault(split, (name, parts[name]))
    if not places:
        raise DataError(
            f"{spec}: got none of its parts in {root}, expected a folder or archive of "
            f"{', '.join(_PARTS)}; pass the folder that holds one of them as --data.root"
        )
    return places


def _top_folder(path: Path) -> str:
    """The first folder of an archive; empty where it has none, or is no archive."""
    if not zipfile.is_zipfile(path):
        return ""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    return names[0].partition("/")[0] if names else ""


def _read_folder(spec: DatasetSpec, place: Path) -> ImageSource:
    classes = [
        f"{alphabet}/{character}"
        for alphabet in list_class_folders(spec, place)
        for character in list_class_folders(spec, place / alphabet)
    ]
    return read_class_folders(spec, place, classes, classes)


def _read_archive(place: Path, name: str) -> ImageSource:
    """The drawings as they are packed, a few hundred bytes each, in memory."""
    try:
        with zipfile.ZipFile(place) as archive:
            files = [
                n for n in archive.namelist() if n.startswith(f"{name}/") and n.endswith(".png")
            ]
            files.sort(key=natural_order)
            contents = tuple(archive.read(file) for file in files)
    except (zipfile.BadZipFile, OSError, EOFError) as error:
        raise DataError(
            f"{place}: got an archive that cannot be read ({error}), expected the whole official "
            "one; download it again"
        ) from error
    characters = [file[len(name) + 1 :].rpartition("/")[0] for file in files]
    classes = tuple(dict.fromkeys(characters))
    index = {character: label for label, character in enumerate(classes)}
    labels = np.array([index[character] for character in characters], np.int32)
    return EncodedImages(contents, labels, classes, tuple(f"{place}: {file}" for file in files))
