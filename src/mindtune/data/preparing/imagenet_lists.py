"""miniImageNet and tieredImageNet: the training images of ImageNet that lists name."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PIL import Image

from mindtune.data.datasets.class_folders import IMAGE_EXTENSIONS
from mindtune.data.datasets.spec import SPLITS, DatasetSpec
from mindtune.data.preparing.class_folder_writer import (
    PlannedImage,
    check_plan,
    write_class_folders,
)
from mindtune.data.source import read_image
from mindtune.errors import DataError

_IMAGE = re.compile(r"(?P<wnid>n\d{8})(?P<number>\d{8})\.jpg")
_CLASS = re.compile(r"\bn\d{8}\b")
_LAST_NUMBER = re.compile(r"(\d+)\.\w+$")
_LISTS = (".csv", ".txt")
_JPEG_QUALITY = 95

Listed = dict[str, list[int]]  # by class, numbers of its images from 1 on; none: all of them


def prepare_from_imagenet(
    spec: DatasetSpec,
    imagenet: Path,
    lists: Path,
    out: Path,
    size: int,
    workers: int,
    report: Callable[[str], None],
) -> None:
    """Write the training images of ImageNet that ``lists`` names, split by split.

    A list, ``train.csv`` and so on, names images or classes, one a line. Images are named as in
    Ravi and Larochelle's lists for miniImageNet: ``n0153282900000005.jpg`` is the fifth image of
    class n01532829, counted in the order of the numbers in ImageNet's file names, as
    mini-imagenet-tools reads them. Of a class alone (the first wnid of a line), as tieredImageNet's
    lists have them, all images are meant.

    Args:
        spec: mini_imagenet or tiered_imagenet, whose numbers must come out.
        imagenet: folder with the wnid folders of the training images, or one with ``train`` in it.
        lists: folder of the three lists.
        out: folder to make.
        size: images become squares of so many pixels (480 in the papers), aspect ratio ignored; 0
            copies ImageNet's files.
        workers: threads.
        report: told what was written.

    Raises:
        DataError: a list, class or image is missing, numbers differ from the official ones, or
            ``out`` exists.
    """
    train = imagenet / "train" if (imagenet / "train").is_dir() else imagenet
    images: list[PlannedImage] = []
    for split in SPLITS:
        for wnid, numbers in _read_list(_list_of(lists, split)).items():
            files = _files_of(train, wnid)
            chosen = [_numbered(files, wnid, number) for number in numbers] or files
            images += [
                PlannedImage(split, wnid, _name(file, size), partial(_save, file, size))
                for file in chosen
            ]
    check_plan(spec, images)
    write_class_folders(out, images, workers, report)


def _list_of(lists: Path, split: str) -> Path:
    for ending in _LISTS:
        if (lists / f"{split}{ending}").is_file():
            return lists / f"{split}{ending}"
    raise DataError(
        f"lists: got no {split}.csv or {split}.txt in {lists}, expected one list a split; "
        "they come with the data set's paper"
    )


def _read_list(file: Path) -> Listed:
    listed: Listed = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines()):
        image = _IMAGE.search(line)
        wnid = image or _CLASS.search(line)
        if wnid is None:
            if number == 0 or not line.strip():  # a table's head
                continue
            raise DataError(f"{file}, line {number + 1}: got {line!r}, expected a wnid in it")
        if image is not None:
            listed.setdefault(image["wnid"], []).append(int(image["number"]))
        else:
            listed.setdefault(wnid[0], [])
    return listed


def _files_of(train: Path, wnid: str) -> list[Path]:
    """Images of a class in the order of the numbers in their names."""
    folder = train / wnid
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    numbered = []
    for file in found:
        number = _LAST_NUMBER.search(file.name)
        if number is not None and file.suffix.lower() in IMAGE_EXTENSIONS:
            numbered.append((int(number[1]), file))
    if not numbered:
        raise DataError(
            f"imagenet: got no images of {wnid} in {folder}, expected ImageNet's training images "
            f"such as {wnid}_10026.JPEG; unpack the archive of that class"
        )
    return [file for _, file in sorted(numbered)]


def _numbered(files: list[Path], wnid: str, number: int) -> Path:
    if not 1 <= number <= len(files):
        raise DataError(
            f"imagenet: got {len(files):,} images of {wnid}, expected at least {number:,}, which "
            "the list names; unpack the archive of that class again"
        )
    return files[number - 1]


def _name(file: Path, size: int) -> str:
    return f"{file.stem}.jpg" if size else file.name


def _save(file: Path, size: int, path: Path) -> None:
    if size == 0:
        shutil.copyfile(file, path)
        return
    image = read_image(file, str(file))
    resized = image.resize((size, size), Image.Resampling.BILINEAR)
    resized.save(path, format="JPEG", quality=_JPEG_QUALITY)
