"""Data sets by name: what ``--data.name`` may say and what it opens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mindtune.data.datasets.spec import SPLITS, DatasetSpec
from mindtune.data.source import ImageSource
from mindtune.errors import ConfigError, DataError, nearest

Loader = Callable[[DatasetSpec, Path, str], ImageSource]
SplitFinder = Callable[[DatasetSpec, Path], tuple[str, ...]]


@dataclass(frozen=True)
class _Entry:
    spec: DatasetSpec
    load: Loader
    find_splits: SplitFinder


_ENTRIES: dict[str, _Entry] = {}


def _declared_splits(spec: DatasetSpec, root: Path) -> tuple[str, ...]:
    return spec.splits


def register_dataset(
    spec: DatasetSpec, find_splits: SplitFinder = _declared_splits
) -> Callable[[Loader], Loader]:
    """Decorate ``load(spec, root, split) -> ImageSource`` to make it known as ``spec.name``.

    Args:
        spec: the facts; the loader checks what it finds on disk against them.
        find_splits: which splits the set has at a root, where the disk decides; by default those
            that ``spec`` declares.
    """

    def register(load: Loader) -> Loader:
        names = (spec.name, *spec.aliases)
        taken = [name for name in names if name in _ENTRIES]
        if taken:
            raise ValueError(f"register_dataset: {taken[0]!r} is already registered")
        _ENTRIES.update(dict.fromkeys(names, _Entry(spec, load, find_splits)))
        return load

    return register


def list_datasets() -> tuple[str, ...]:
    """Sorted names of the registered data sets, aliases left out."""
    return tuple(sorted({entry.spec.name for entry in _ENTRIES.values()}))


def dataset_spec(name: str) -> DatasetSpec:
    """The facts about a data set. Raises ``ConfigError`` for an unknown name."""
    return _entry(name).spec


def splits_of(name: str, root: Path | None = None) -> tuple[str, ...]:
    """The splits which the set has at ``root``, in the order train, val, test.

    Raises:
        ConfigError: unknown name.
        DataError: ``root`` is needed and missing, or holds no such data set.
    """
    entry = _entry(name)
    found = entry.find_splits(entry.spec, _folder(entry.spec, root))
    return tuple(split for split in SPLITS if split in found)


def create_dataset(name: str, root: Path | None, split: str) -> ImageSource:
    """Open one split of a data set.

    Args:
        name: a registered name or alias.
        root: where the set lies; not looked at by an embedded set such as ``digits``.
        split: 'train', 'val' or 'test'.

    Raises:
        ConfigError: unknown name or split.
        DataError: root missing, the set has no such split, or its files are not whole.
    """
    if split not in SPLITS:
        raise ConfigError(f"split: got {split!r}, expected a split name{nearest(split, SPLITS)}")
    entry = _entry(name)
    folder = _folder(entry.spec, root)
    splits = splits_of(name, root)
    if split not in splits:
        where = f" at {folder}" if entry.spec.needs_root else ""
        raise DataError(
            f"{entry.spec}{where}: got split {split!r}, "
            f"expected one of those it has: {', '.join(splits)}"
        )
    return entry.load(entry.spec, folder, split)


def _entry(name: str) -> _Entry:
    if name not in _ENTRIES:
        raise ConfigError(
            f"data.name: got {name!r}, expected a registered data set{nearest(name, _ENTRIES)}"
        )
    return _ENTRIES[name]


def _folder(spec: DatasetSpec, root: Path | None) -> Path:
    """The root as an existing path; an embedded set is given the empty path, and ignores it."""
    if not spec.needs_root:
        return Path()
    if root is None:
        raise DataError(
            f"{spec}: got no folder, expected the one that holds it; pass it as --data.root"
        )
    folder = Path(root).expanduser()
    if not folder.exists():
        raise DataError(
            f"{spec}: got --data.root {folder}, which does not exist; "
            "pass the folder that holds the set"
        )
    return folder
