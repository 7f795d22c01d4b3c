"""Which folder holds which split, under the names that people give them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mindtune.data.datasets.disk_layout import candidate_homes, first_few
from mindtune.data.datasets.spec import DatasetSpec
from mindtune.errors import DataError

SPLIT_FOLDERS: Mapping[str, tuple[str, ...]] = {
    "train": ("train", "training", "meta-train"),
    "val": ("val", "valid", "validation", "eval", "evaluation", "meta-val"),
    "test": ("test", "testing", "meta-test"),
}


def existing_split_folders(spec: DatasetSpec, root: Path) -> dict[str, Path]:
    """The folder of every split that ``root``, or the set's own folder in it, has; maybe none.

    A folder of the split's exact name wins over its other names (moment probing spec, section 5).
    """
    for home in candidate_homes(spec, root):
        found = {}
        for split in spec.splits:
            places = [home / name for name in SPLIT_FOLDERS[split] if (home / name).is_dir()]
            if places:
                found[split] = places[0]
        if found:
            return found
    return {}


def split_folders(spec: DatasetSpec, root: Path) -> dict[str, Path]:
    """As ``existing_split_folders``. Raises ``DataError`` when there is none."""
    found = existing_split_folders(spec, root)
    if found:
        return found
    tried = " or ".join(str(home) for home in candidate_homes(spec, root))
    names = [name for split in spec.splits for name in SPLIT_FOLDERS[split]]
    held = sorted(entry.name for entry in root.iterdir()) if root.is_dir() else []
    raise DataError(
        f"{spec}: got no split folder ({root} holds: {first_few(held) or 'nothing'}), "
        f"expected train/<class>/<image> in {tried} (split folders: {', '.join(names)}); "
        "pass the folder that holds them as --data.root"
    )


def find_split_folders(spec: DatasetSpec, root: Path) -> tuple[str, ...]:
    """The splits whose folders exist. Raises ``DataError`` when there is none."""
    return tuple(split_folders(spec, root))
