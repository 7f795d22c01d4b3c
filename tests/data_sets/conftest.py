"""Makers of miniature data sets in their true on-disk forms."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mindtune.data.source import ImageArrays


@pytest.fixture
def write_image() -> Callable[[Path, int], None]:
    """Write a 12 x 10 image of one grey value, so that a test knows which image it loaded."""

    def write(path: Path, grey: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (12, 10), (grey, grey, grey)).save(path)

    return write


@pytest.fixture
def write_class_folders(write_image) -> Callable[[Path, dict[str, int]], None]:
    """Write ``<folder>/<class>/<n>.jpg`` for ``{class: number of images}``."""

    def write(folder: Path, counts: dict[str, int]) -> None:
        for name, count in counts.items():
            (folder / name).mkdir(parents=True, exist_ok=True)
            for number in range(count):
                write_image(folder / name / f"{number}.jpg", 10 * number)

    return write


@pytest.fixture
def make_arrays() -> Callable[[list[int]], ImageArrays]:
    """A source with the given labels, classes called 'a', 'b', ..., image i filled with i."""

    def make(labels: list[int]) -> ImageArrays:
        pixels = np.zeros((len(labels), 4, 4, 3), dtype=np.uint8)
        pixels += np.arange(len(labels), dtype=np.uint8)[:, None, None, None]
        names = tuple(chr(ord("a") + label) for label in range(max(labels) + 1))
        return ImageArrays(pixels, np.array(labels, dtype=np.int32), names, "made")

    return make
