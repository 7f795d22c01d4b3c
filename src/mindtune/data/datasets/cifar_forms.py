"""The official forms of CIFAR-10 and CIFAR-100: python or binary files, unpacked or not."""

from __future__ import annotations

import tarfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mindtune.data.datasets.disk_layout import check_class_count, check_count
from mindtune.data.datasets.spec import DatasetSpec
from mindtune.data.source import ImageArrays
from mindtune.errors import DataError

PIXELS = 3 * 32 * 32

BatchReader = Callable[[bytes, str], tuple[np.ndarray, np.ndarray]]
NamesReader = Callable[[bytes, str], tuple[str, ...]]


@dataclass(frozen=True)
class CifarForm:
    """One official form.

    Attributes:
        folder: what the archive unpacks to.
        archive: name of the ``.tar.gz``.
        files: names of the files of each split, in order.
        names_file: name of the file that lists the classes.
        read_batch: file content and path to pixels uint8 (n, 3072) and labels (n,).
        read_names: file content and path to class names.
    """

    folder: str
    archive: str
    files: Mapping[str, tuple[str, ...]]
    names_file: str
    read_batch: BatchReader
    read_names: NamesReader


def load_cifar(
    spec: DatasetSpec, forms: Sequence[CifarForm], root: Path, split: str
) -> ImageArrays:
    """One split from the first form found: unpacked ones first, then archives.

    Args:
        spec: the facts to check against.
        forms: the forms to look for.
        root: the folder that holds one of them, such a folder itself, or an archive.
        split: 'train' or 'test'.

    Raises:
        DataError: none is there, or it is half-unpacked, malformed or of the wrong size.
    """
    form, place = _find(spec, forms, root)
    wanted = (*form.files[split], form.names_file)
    contents = _read_folder(spec, place, wanted) if place.is_dir() else _read_archive(place, wanted)
    names = form.read_names(contents[form.names_file], str(place / form.names_file))
    check_class_count(spec, len(names), place / form.names_file)
    batches = [form.read_batch(contents[file], str(place / file)) for file in form.files[split]]
    planes = np.concatenate([pixels for pixels, _ in batches])
    labels = np.concatenate([labels for _, labels in batches]).astype(np.int32)
    check_count(spec, split, len(planes), place)
    if labels.min() < 0 or labels.max() >= len(names):
        raise DataError(
            f"{spec}: got labels {labels.min()} to {labels.max()} in {place}, "
            f"expected 0 to {len(names) - 1}; unpack the official archive again"
        )
    images = planes.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)  # (N, 32, 32, 3)
    return ImageArrays(np.ascontiguousarray(images), labels, names, f"{spec.name}/{split}")


def _find(spec: DatasetSpec, forms: Sequence[CifarForm], root: Path) -> tuple[CifarForm, Path]:
    """The form on disk and its folder or archive."""
    for form in forms:
        marks = [file for files in form.files.values() for file in files]
        for place in (root, root / form.folder):
            if any((place / file).is_file() for file in marks):
                return form, place
    for form in forms:
        for place in (root, root / form.archive):
            if place.is_file() and place.name == form.archive:
                return form, place
    names = [f"{form.folder}/" for form in forms] + [form.archive for form in forms]
    raise DataError(
        f"{spec}: got none of its files in {root}, expected {' or '.join(names)} there; "
        "pass the folder that holds one of them as --data.root"
    )


def _read_folder(spec: DatasetSpec, place: Path, wanted: Sequence[str]) -> dict[str, bytes]:
    missing = [file for file in wanted if not (place / file).is_file()]
    if missing:
        raise DataError(
            f"{spec}: got a folder {place} without {', '.join(missing)}, expected "
            f"{', '.join(wanted)}; half-unpacked? unpack its archive again"
        )
    return {file: (place / file).read_bytes() for file in wanted}


def _read_archive(place: Path, wanted: Sequence[str]) -> dict[str, bytes]:
    """Contents of the wanted members, by file name; nothing is written to disk."""
    contents: dict[str, bytes] = {}
    try:
        with tarfile.open(place, "r:gz") as archive:
            for member in archive:
                name = member.name.rpartition("/")[2]
                # a link would have no content of its own
                stream = archive.extractfile(member) if member.isreg() else None
                if stream is not None and name in wanted:
                    contents[name] = stream.read()
    except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
        raise DataError(
            f"{place}: got an archive that cannot be read ({error}), expected the whole official "
            "one; download it again"
        ) from error
    missing = [file for file in wanted if file not in contents]
    if missing:
        raise DataError(
            f"{place}: got an archive without {', '.join(missing)}, expected "
            f"{', '.join(wanted)}; download it again"
        )
    return contents
