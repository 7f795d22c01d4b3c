"""Write a set as ``<out>/<split>/<class>/<image>``: all of it, or nothing."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from mindtune.data.datasets.spec import DatasetSpec
from mindtune.errors import DataError

_AT_ONCE = 1024


@dataclass(frozen=True)
class PlannedImage:
    """One image to be written.

    Attributes:
        split, class_name, file: where, under the folder of the set.
        save: writes it to the path that it is given.
    """

    split: str
    class_name: str
    file: str
    save: Callable[[Path], object]


def check_plan(spec: DatasetSpec, images: Iterable[PlannedImage]) -> None:
    """Compare what is about to be written with the official numbers.

    Raises:
        DataError: another number of classes or images in a split.
    """
    classes: dict[str, set[str]] = {split: set() for split in spec.splits}
    counts: Counter[str] = Counter()
    for image in images:
        classes[image.split].add(image.class_name)
        counts[image.split] += 1
    for split in spec.splits:
        found = len(classes[split]), counts[split]
        expected = spec.split_classes[split], spec.counts[split]
        if found != expected:
            raise DataError(
                f"{spec}, split {split!r}: got {found[0]:,} classes of {found[1]:,} images, "
                f"expected {expected[0]:,} of {expected[1]:,}; other lists, or a source that is "
                "not whole?"
            )


def write_class_folders(
    out: Path, images: Iterable[PlannedImage], workers: int, report: Callable[[str], None]
) -> None:
    """Write into a folder beside ``out``, which takes its name when all images are there.

    Args:
        out: the folder to make.
        images: what to write.
        workers: threads.
        report: told in one line how many images each split has.

    Raises:
        DataError: ``out`` exists.
    """
    if out.exists():
        raise DataError(f"out: got {out}, which exists; remove it or name another folder")
    unfinished = out.with_name(f".{out.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    counts: Counter[str] = Counter()
    waiting = iter(images)
    try:
        with ThreadPoolExecutor(workers) as pool:
            while group := list(islice(waiting, _AT_ONCE)):
                for image in group:
                    (unfinished / image.split / image.class_name).mkdir(parents=True, exist_ok=True)
                    counts[image.split] += 1
                list(pool.map(lambda image: _save(unfinished, image), group))
        unfinished.rename(out)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    report(f"{out}: " + ", ".join(f"{split} {count:,}" for split, count in counts.items()))


def _save(folder: Path, image: PlannedImage) -> None:
    image.save(folder / image.split / image.class_name / image.file)
