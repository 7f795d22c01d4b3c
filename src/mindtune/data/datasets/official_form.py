"""Data sets which people keep either as their authors ship them or as an image folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mindtune.data.datasets.disk_layout import find_home, require_home
from mindtune.data.datasets.spec import DatasetSpec
from mindtune.data.datasets.split_folders import existing_split_folders


def official_home(spec: DatasetSpec, root: Path, needed: Sequence[str]) -> Path | None:
    """The folder with the authors' files, or ``None`` where there is an image folder instead.

    Raises:
        DataError: neither is there, or the authors' files are not all there.
    """
    if find_home(spec, root, needed) is None and existing_split_folders(spec, root):
        return None
    return require_home(
        spec, root, needed, alternative=", or an image folder train/<class>/<image>"
    )


def form_splits(
    spec: DatasetSpec, root: Path, needed: Sequence[str], official: tuple[str, ...]
) -> tuple[str, ...]:
    """The ``official`` splits for the authors' form, the split folders of an image folder."""
    if official_home(spec, root, needed) is None:
        return tuple(existing_split_folders(spec, root))
    return official
