"""CIFAR-FS and FC100: the 60,000 images of CIFAR-100 in other splits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from mindtune.data.datasets.cifar100 import CIFAR100, CIFAR100_COARSE_FORMS, CIFAR100_FORMS
from mindtune.data.datasets.cifar_forms import load_cifar
from mindtune.data.datasets.cifar_fs import CIFAR_FS
from mindtune.data.datasets.fc100 import FC100
from mindtune.data.datasets.packaged_table import packaged_table
from mindtune.data.datasets.spec import DatasetSpec
from mindtune.data.preparing.class_folder_writer import (
    PlannedImage,
    check_plan,
    write_class_folders,
)
from mindtune.data.source import ImageArrays
from mindtune.errors import DataError

_COARSE = replace(CIFAR100, num_classes=20)


def prepare_cifar_fs(root: Path, out: Path, workers: int, report: Callable[[str], None]) -> None:
    """Write CIFAR-FS (Bertinetto et al., ICLR 2019): CIFAR-100's classes dealt to three splits.

    Args:
        root: the official CIFAR-100, as ``--data.root`` of data set cifar100.
        out: folder to make; PNG files, 32 x 32.
        workers: threads.
        report: told what was written.

    Raises:
        DataError: CIFAR-100 is not there or not whole, or ``out`` exists.
    """
    images = []
    for part in ("train", "test"):
        fine = load_cifar(CIFAR100, CIFAR100_FORMS, root, part)
        images += _planned(part, fine, fine, packaged_table("cifar_fs_splits.tsv"))
    _write(CIFAR_FS, images, out, workers, report)


def prepare_fc100(root: Path, out: Path, workers: int, report: Callable[[str], None]) -> None:
    """Write FC100 (Oreshkin et al., NeurIPS 2018): CIFAR-100's superclasses dealt to three splits.

    Arguments and errors are those of ``prepare_cifar_fs``.
    """
    images = []
    for part in ("train", "test"):
        fine = load_cifar(CIFAR100, CIFAR100_FORMS, root, part)
        coarse = load_cifar(_COARSE, CIFAR100_COARSE_FORMS, root, part)
        images += _planned(part, fine, coarse, packaged_table("fc100_splits.tsv"))
    _write(FC100, images, out, workers, report)


def _planned(
    part: str, fine: ImageArrays, deciding: ImageArrays, splits: Mapping[str, str]
) -> list[PlannedImage]:
    """Every image in the split of its class among ``deciding``, named after its place in CIFAR."""
    unknown = sorted(set(deciding.class_names) ^ set(splits))
    if unknown:
        raise DataError(
            f"{CIFAR100}: got classes that differ from the official ones at {unknown[0]!r}, "
            "expected the official archive; unpack it again"
        )
    return [
        PlannedImage(
            splits[deciding.class_names[deciding.labels[index]]],
            fine.class_names[fine.labels[index]],
            f"{part}_{index:05d}.png",
            partial(_save_png, fine, index),
        )
        for index in range(len(fine))
    ]


def _save_png(source: ImageArrays, index: int, path: Path) -> None:
    source.load(index).save(path)


def _write(
    spec: DatasetSpec,
    images: list[PlannedImage],
    out: Path,
    workers: int,
    report: Callable[[str], None],
) -> None:
    check_plan(spec, images)
    write_class_folders(out, images, workers, report)
