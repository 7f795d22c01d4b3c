"""Leaving out the images that cannot be decoded, for ``data.skip_unreadable``."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from mindtune.data.decoding import decoding_pool
from mindtune.data.source import ImageSource
from mindtune.data.splits import Subset
from mindtune.environment import usable_cores
from mindtune.errors import DataError

# one block of images is handed out at a time: a million waiting tasks would take gigabytes
_BLOCK = 4096


def drop_unreadable(
    source: ImageSource, progress: Callable[[int, int], None] | None = None
) -> tuple[ImageSource, list[str]]:
    """Decode every image once, in threads, and keep those that can be.

    Args:
        source: the images to try.
        progress: called with (images tried, total) after each block of images.

    Returns:
        The readable images, and what to call each of those left out.

    Raises:
        DataError: all images of a class are unreadable.
    """
    readable = np.ones(len(source), dtype=bool)
    with decoding_pool(usable_cores()) as pool:
        for start in range(0, len(source), _BLOCK):
            block = range(start, min(start + _BLOCK, len(source)))
            readable[block.start : block.stop] = list(
                pool.map(lambda index: _is_readable(source, index), block)
            )
            if progress is not None:
                progress(block.stop, len(source))
    _check_classes_remain(source, readable)
    skipped = [source.describe(int(index)) for index in np.flatnonzero(~readable)]
    return Subset(source, np.flatnonzero(readable)), skipped


def _is_readable(source: ImageSource, index: int) -> bool:
    try:
        source.load(index)
    except DataError:
        return False
    return True


def _check_classes_remain(source: ImageSource, readable: np.ndarray) -> None:
    lost = np.setdiff1d(source.labels, source.labels[readable])
    if len(lost):
        label = int(lost[0])
        first = int(np.flatnonzero(source.labels == label)[0])
        raise DataError(
            f"class {source.class_names[label]!r}: got {np.sum(source.labels == label):,} "
            f"images, none of which can be decoded (the first is {source.describe(first)}), "
            "expected at least one readable; restore its images or leave the class out"
        )
