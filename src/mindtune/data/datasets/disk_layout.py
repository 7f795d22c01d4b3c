"""Where a data set lies on disk, and whether all of it is there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from mindtune.data.datasets.path_list import PathList
from mindtune.data.datasets.spec import DatasetSpec
from mindtune.errors import DataError


def first_few(names: Iterable[object], limit: int = 5) -> str:
    """``a, b, c, d, e (12 more)``: a list short enough for a message."""
    every = [str(name) for name in names]
    rest = len(every) - limit
    return ", ".join(every[:limit]) + (f" ({rest} more)" if rest > 0 else "")


def candidate_homes(spec: DatasetSpec, root: Path) -> tuple[Path, ...]:
    """The folders which may be the set's own: ``root`` itself and its children so named."""
    return (root, *(root / folder for folder in spec.folders))


def find_home(spec: DatasetSpec, root: Path, needed: Sequence[str]) -> Path | None:
    """The first candidate folder with any of the ``needed`` entries, or ``None``."""
    for home in candidate_homes(spec, root):
        if any((home / name).exists() for name in needed):
            return home
    return None


def require_home(
    spec: DatasetSpec, root: Path, needed: Sequence[str], alternative: str = ""
) -> Path:
    """The set's own folder, with every ``needed`` entry in it.

    Args:
        spec: the data set.
        root: what ``--data.root`` says.
        needed: files and folders which must be there, relative to the set's own folder.
        alternative: another form in which the set is accepted, for the message.

    Raises:
        DataError: none of the candidates holds any of them, or the one that does lacks some.
    """
    home = find_home(spec, root, needed)
    if home is None:
        tried = " or ".join(str(place) for place in candidate_homes(spec, root))
        raise DataError(
            f"{spec}: got no {needed[0]}, expected {', '.join(needed)} in {tried}{alternative}; "
            "unpack the set and pass its folder as --data.root"
        )
    missing = [name for name in needed if not (home / name).exists()]
    if missing:
        raise DataError(
            f"{spec}: got a folder {home} without {', '.join(missing)}, expected "
            f"{', '.join(needed)}; half-unpacked? unpack its archive again"
        )
    return home


def require_files(spec: DatasetSpec, paths: PathList, listed_in: Path) -> None:
    """Check that every listed image exists; folders are listed once, not asked file by file.

    Raises:
        DataError: naming the first missing file, their number and the list that names them.
    """
    present: dict[str, set[str]] = {}
    missing = []
    for name in paths.names:
        folder, _, file = name.rpartition("/")
        if folder not in present:
            directory = paths.folder / folder
            present[folder] = set(os.listdir(directory)) if directory.is_dir() else set()
        if file not in present[folder]:
            missing.append(name)
    if missing:
        raise DataError(
            f"{spec}: got no file {paths.folder / missing[0]}, expected it and all other images "
            f"that {listed_in} lists ({len(missing):,} of {len(paths):,} are missing); "
            "half-unpacked? unpack the image archive again"
        )


def check_count(spec: DatasetSpec, split: str, found: int, where: Path) -> None:
    """Compare a number of images with the official one, if there is one.

    Raises:
        DataError: naming both numbers and the file or folder counted.
    """
    expected = spec.counts.get(split, found)
    if found != expected:
        raise DataError(
            f"{spec}, split {split!r}: got {found:,} images in {where}, expected {expected:,}; "
            "half-unpacked or edited? unpack its archive again"
        )


def check_count_at_least(spec: DatasetSpec, split: str, found: int, where: Path) -> None:
    """As ``check_count``, where images may have been added but none may be missing."""
    if found < spec.counts.get(split, 0):
        check_count(spec, split, found, where)


def check_class_count(spec: DatasetSpec, found: int, where: Path) -> None:
    """Compare a number of classes with the official one, if there is one. Raises ``DataError``."""
    if spec.num_classes is not None and found != spec.num_classes:
        raise DataError(
            f"{spec}: got {found:,} classes in {where}, expected {spec.num_classes:,}; "
            "half-unpacked, or another data set?"
        )
