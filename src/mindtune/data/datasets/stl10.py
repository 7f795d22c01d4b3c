"""STL-10, the labelled images."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mindtune.data.datasets.disk_layout import check_class_count, check_count
from mindtune.data.datasets.folder import load_folder
from mindtune.data.datasets.official_form import form_splits, official_home
from mindtune.data.datasets.registry import register_dataset
from mindtune.data.datasets.spec import DatasetSpec
from mindtune.data.datasets.text_table import read_lines
from mindtune.data.source import ImageArrays, ImageSource
from mindtune.errors import DataError

STL10 = DatasetSpec(
    name="stl10",
    title="STL-10",
    source=(
        "Coates et al., An Analysis of Single-Layer Networks in Unsupervised Feature Learning, "
        "AISTATS 2011; images from ImageNet, no licence stated"
    ),
    splits=("train", "val", "test"),
    num_classes=10,
    counts={"train": 5_000, "test": 8_000},
    folders=("stl10_binary", "stl10"),
)

SIDE = 96
CLASS_FILE = "class_names.txt"
OFFICIAL_FILES = ("train_X.bin", "train_y.bin", "test_X.bin", "test_y.bin", CLASS_FILE)


def find_splits(spec: DatasetSpec, root: Path) -> tuple[str, ...]:
    """Train and test in the official form, the folders there are in an image folder."""
    return form_splits(spec, root, OFFICIAL_FILES, official=("train", "test"))


@register_dataset(STL10, find_splits)
def load_stl10(spec: DatasetSpec, root: Path, split: str) -> ImageSource:
    """One split of the binary form, uint8 (N, 96, 96, 3) in memory (221 MB for test).

    The ten predefined folds of 1,000 training images and the unlabelled images are not used. An
    image folder with 10 classes is read too.

    Raises:
        DataError: not found, half-unpacked, malformed, or wrong counts.
    """
    home = official_home(spec, root, OFFICIAL_FILES)
    if home is None:
        return load_folder(spec, root, split)
    names = tuple(read_lines(home / CLASS_FILE))
    check_class_count(spec, len(names), home / CLASS_FILE)
    pixels = _read_pixels(home / f"{split}_X.bin")
    check_count(spec, split, len(pixels), home / f"{split}_X.bin")
    labels = _read_labels(home / f"{split}_y.bin", len(pixels), len(names))
    return ImageArrays(pixels, labels, names, f"{spec.name}/{split}")


def _read_pixels(path: Path) -> np.ndarray:
    """Images uint8 (N, 96, 96, 3) of a file that runs down the columns of each colour plane."""
    content = np.fromfile(path, dtype=np.uint8)
    record = 3 * SIDE * SIDE
    if len(content) % record:
        raise DataError(
            f"{path}: got {len(content):,} bytes, expected a multiple of {record:,} (one image); "
            "truncated? unpack its archive again"
        )
    columns = content.reshape(-1, 3, SIDE, SIDE)  # (N, 3, W, H)
    return np.ascontiguousarray(columns.transpose(0, 3, 2, 1))  # (N, H, W, 3)


def _read_labels(path: Path, images: int, classes: int) -> np.ndarray:
    """int32 (N,) from bytes 1..classes."""
    labels = np.fromfile(path, dtype=np.uint8).astype(np.int32) - 1
    if len(labels) != images or labels.min() < 0 or labels.max() >= classes:
        raise DataError(
            f"{path}: got {len(labels):,} labels from {labels.min(initial=0) + 1} to "
            f"{labels.max(initial=0) + 1}, expected {images:,} from 1 to {classes}; "
            "unpack its archive again"
        )
    return labels
