"""Paths of a large data set, kept as short strings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import overload


class PathList(Sequence[Path]):
    """``folder / names[i]`` made on demand.

    ImageNet has 1.28 million files: as ``Path`` objects they would take several times the memory.

    Args:
        folder: what all names are relative to.
        names: relative paths with forward slashes.
    """

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self.folder = folder
        self.names = tuple(names)

    def __len__(self) -> int:
        return len(self.names)

    @overload
    def __getitem__(self, index: int) -> Path: ...

    @overload
    def __getitem__(self, index: slice) -> PathList: ...

    def __getitem__(self, index: int | slice) -> Path | PathList:
        if isinstance(index, slice):
            return PathList(self.folder, self.names[index])
        return self.folder / self.names[index]
