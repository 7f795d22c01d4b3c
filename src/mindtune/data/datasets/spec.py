"""The facts about one data set: names, splits, official counts, paper and licence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class DatasetSpec:
    """What is fixed about a data set before any file is read.

    Attributes:
        name: what ``--data.name`` says.
        title: its full name, for messages and listings.
        source: paper and licence, one line.
        splits: the splits it can have, out of ``SPLITS``.
        num_classes: number of classes, ``None`` where the folder decides.
        split_classes: number of classes a split, of few-shot sets whose splits have no class in
            common; a split without one is not counted.
        counts: official number of images a split; a split without one is not counted.
        needs_root: whether ``--data.root`` must be given.
        aliases: other names accepted.
        folders: folder names its archives unpack to; ``--data.root`` may be one or its parent.
        class_names: readable names in label order, ``()`` where the files on disk give them.
        class_folders: names the class folders must have, in label order, ``()`` where free.
    """

    name: str
    title: str
    source: str
    splits: tuple[str, ...]
    num_classes: int | None = None
    split_classes: Mapping[str, int] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    needs_root: bool = True
    aliases: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    class_names: tuple[str, ...] = ()
    class_folders: tuple[str, ...] = ()

    def __str__(self) -> str:
        """How messages call the set, e.g. ``data set 'cub200' (CUB-200-2011)``."""
        return f"data set {self.name!r} ({self.title})"
