"""Few-shot sets: ``<root>/<split>/<class>/**/<image>``, each class in one split only."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

from mindtune.data.datasets.class_folders import list_class_folders, read_class_folders
from mindtune.data.datasets.disk_layout import check_count, first_few
from mindtune.data.datasets.spec import DatasetSpec
from mindtune.data.datasets.split_folders import split_folders
from mindtune.data.source import ImageSource
from mindtune.errors import DataError


def load_few_shot_folders(spec: DatasetSpec, root: Path, split: str) -> ImageSource:
    """One split with classes of its own; ids are ranks of its naturally sorted class folders.

    Raises:
        DataError: no class folders, an empty one, a class in two splits, or other numbers of
            classes or images than the official ones.
    """
    folders = split_folders(spec, root)
    classes = {name: list_class_folders(spec, folder) for name, folder in folders.items()}
    for one, other in combinations(classes, 2):
        shared = sorted(set(classes[one]) & set(classes[other]))
        if shared:
            raise DataError(
                f"{spec}: got {first_few(shared)} in both {folders[one]} and {folders[other]}, "
                "expected every class in one split only; a set whose splits have the same classes "
                "is --data.name folder"
            )
    expected = spec.split_classes.get(split, len(classes[split]))
    if len(classes[split]) != expected:
        raise DataError(
            f"{spec}, split {split!r}: got {len(classes[split]):,} classes in {folders[split]}, "
            f"expected {expected:,}; half-prepared, or another data set?"
        )
    source = read_class_folders(spec, folders[split], classes[split], classes[split])
    check_count(spec, split, len(source), folders[split])
    return source
