"""Features on disk: computed once for the same weights, preparation and images."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mindtune.errors import CheckpointError
from mindtune.files import replace_atomically, write_atomically

_FILE = re.compile(r"[0-9a-f]+-(?P<rank>\d+)-of-(?P<ranks>\d+)\.npy")

Fill = Callable[[np.ndarray], None]


class FeatureCache:
    """A folder of features, memory-mapped ``.npy`` files of a rank's share each.

    Beside them a ``.json`` says what they are the features of. A set that another number of ranks
    has written serves too, where all of its files are in the folder.

    Args:
        folder: made when missing.
        rank: this process, which has the images ``rank``, ``rank + ranks``, ...
        ranks: all processes.
    """

    def __init__(self, folder: Path, rank: int = 0, ranks: int = 1) -> None:
        self.folder = folder
        self.rank = rank
        self.ranks = ranks

    def share(self, identity: Mapping[str, Any], images: int, width: int, fill: Fill) -> np.ndarray:
        """This rank's features, float32 (n, ``width``), read-only.

        Args:
            identity: everything that the features depend on (JSON); equal means the same features.
            images: N, in all.
            width: D.
            fill: puts the features into the array (n, D) that it is given; called where the folder
                has none. The array is a file, so that features larger than memory pass through.

        Raises:
            CheckpointError: the folder cannot be written, or holds a broken file.
        """
        wanted = np.arange(self.rank, images, self.ranks)
        shape = (len(wanted), width)
        if len(wanted) == 0:  # no file can be mapped that holds nothing
            return np.empty(shape, np.float32)
        text = json.dumps(identity, sort_keys=True, indent=1)
        digest = hashlib.sha256(text.encode()).hexdigest()[:32]
        own = self.folder / f"{digest}-{self.rank}-of-{self.ranks}.npy"
        if own.exists():
            return _open(own, shape)
        others = self._whole_set(digest)
        if others:
            return _collect([_open(path) for path in others], wanted, width)
        self._make_folder()
        replace_atomically(own, lambda temporary: _write(temporary, shape, fill))
        write_atomically(self.folder / f"{digest}.json", text.encode())
        return _open(own, shape)

    def _whole_set(self, digest: str) -> list[Path]:
        """Files of another number of ranks, in their order, if all are there."""
        found: dict[int, dict[int, Path]] = {}
        for path in self.folder.glob(f"{digest}-*.npy"):
            name = _FILE.fullmatch(path.name)
            if name is not None:
                found.setdefault(int(name["ranks"]), {})[int(name["rank"])] = path
        whole = [paths for ranks, paths in found.items() if len(paths) == ranks]
        return [whole[0][rank] for rank in range(len(whole[0]))] if whole else []

    def _make_folder(self) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CheckpointError(
                f"{self.folder}: the folder of features cannot be made ({error.strerror}); choose "
                "another cache"
            ) from error


def blocks_of(values: np.ndarray, rows: int) -> Iterator[np.ndarray]:
    """Copies of ``rows`` rows after the other.

    A mapped file is mapped anew for each, so that what was read does not stay in the process.
    """
    mapped = values.filename if isinstance(values, np.memmap) else None
    for start in range(0, len(values), rows):
        source = values if mapped is None else _open(Path(mapped))
        yield np.array(source[start : start + rows])


def _write(path: Path, shape: tuple[int, int], fill: Fill) -> None:
    values = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=shape)
    fill(values)
    values.flush()


def _open(path: Path, shape: tuple[int, int] | None = None) -> np.ndarray:
    """The array of a file, not read yet.

    Raises:
        CheckpointError: no whole file of float32 numbers in that shape.
    """
    try:
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise CheckpointError(f"{path}: no whole file of features ({error}); remove it") from error
    if values.dtype != np.float32 or (shape is not None and values.shape != shape):
        raise CheckpointError(
            f"{path}: got {values.dtype} {values.shape}, expected float32 {shape}; remove it"
        )
    return values


def _collect(shares: list[np.ndarray], wanted: np.ndarray, width: int) -> np.ndarray:
    """The images ``wanted`` out of the shares of other ranks."""
    values = np.empty((len(wanted), width), np.float32)
    for rank, share in enumerate(shares):
        held = wanted % len(shares) == rank
        values[held] = share[wanted[held] // len(shares)]
    return values
