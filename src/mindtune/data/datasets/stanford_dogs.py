"""Stanford Dogs, whole images (the bounding boxes are not used)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mindtune.data.datasets.disk_layout import (
    check_class_count,
    check_count,
    require_files,
    require_home,
)
from mindtune.data.datasets.mat_file import read_mat, zero_based
from mindtune.data.datasets.path_list import PathList
from mindtune.data.datasets.registry import register_dataset
from mindtune.data.datasets.spec import DatasetSpec
from mindtune.data.source import ImageFiles, ImageSource
from mindtune.errors import DataError

STANFORD_DOGS = DatasetSpec(
    name="stanford_dogs",
    title="Stanford Dogs",
    source=(
        "Khosla et al., Novel Dataset for Fine-Grained Image Categorization, CVPR FGVC 2011; "
        "ImageNet images, non-commercial research and education only"
    ),
    splits=("train", "test"),
    num_classes=120,
    counts={"train": 12_000, "test": 8_580},
    folders=("stanford_dogs", "StanfordDogs"),
)


@register_dataset(STANFORD_DOGS)
def load_stanford_dogs(spec: DatasetSpec, root: Path, split: str) -> ImageSource:
    """One split, from ``<split>_list.mat`` (annotation_list, labels 1..120) and ``Images/``.

    Class folder 'n02085620-Chihuahua' is called 'Chihuahua'.

    Raises:
        DataError: not found, half-unpacked, or wrong counts.
    """
    file = f"{split}_list.mat"
    home = require_home(spec, root, (file, "Images"))
    lists = read_mat(home / file, ("annotation_list", "labels"))
    stems = [str(stem) for stem in lists["annotation_list"]]
    classes = np.unique(lists["labels"])
    check_class_count(spec, len(classes), home / file)
    labels = zero_based(home / file, lists["labels"], len(classes))
    check_count(spec, split, len(stems), home / file)
    if len(labels) != len(stems):
        raise DataError(
            f"{home / file}: got {len(labels):,} labels, expected one for each of {len(stems):,} "
            "images; is it the official file?"
        )
    paths = PathList(home / "Images", [f"{stem}.jpg" for stem in stems])
    require_files(spec, paths, home / file)
    return ImageFiles(paths, labels, _class_names(home / file, stems, labels))


def _class_names(path: Path, stems: Sequence[str], labels: np.ndarray) -> tuple[str, ...]:
    """Names from the image folders. Raises ``DataError`` when a label has two folders."""
    folders: dict[int, str] = {}
    for stem, label in zip(stems, labels):
        folder = stem.split("/")[0]
        if folders.setdefault(int(label), folder) != folder:
            raise DataError(
                f"{path}: got label {label + 1} for both {folders[int(label)]} and {folder}, "
                "expected one folder a label; is it the official file?"
            )
    names = [folders[label].split("-", 1)[-1] for label in sorted(folders)]
    return tuple(name.replace("_", " ") for name in names)
