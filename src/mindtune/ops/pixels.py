"""Crops and colours of uint8 images by the compiled kernels, with Pillow's bits; on the host.

ctypes lets go of the interpreter lock while they run, so that threads work side by side.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path

import numpy as np

from mindtune.ops.kernel_library import call


class ColourStep(IntEnum):
    """What ``change_colours`` can do; the meaning of the amount beside it.

    BRIGHTNESS, CONTRAST, SATURATION: factor, 1 for no change. HUE: parts of 256 of a turn. GREY:
    none. BLUR: radius in pixels. SOLARISE: the level from which on levels are inverted.
    """

    BRIGHTNESS = 0
    CONTRAST = 1
    SATURATION = 2
    HUE = 3
    GREY = 4
    BLUR = 5
    SOLARISE = 6


def resize_box(
    library: Path, image: np.ndarray, box: tuple[int, int, int, int], size: int
) -> np.ndarray:
    """The part ``box`` (left, top, right, bottom) of an image, bicubic, as uint8 (size, size, 3).

    Columns are resized before rows, as Pillow does to version 12; from 13 on it takes boxes that
    shrink far more in height the other way round, which moves some pixels by a level.

    Args:
        library: the CPU kernels.
        image: uint8 (H, W, 3), contiguous.
        box: inside the image.
        size: side of the result.
    """
    out = np.empty((size, size, 3), np.uint8)
    call(library, "ResizeBox", image, np.array(box, np.int32), out)
    return out


def change_colours(
    library: Path, image: np.ndarray, steps: Sequence[tuple[ColourStep, float]]
) -> None:
    """Take ``steps``, one after the other, on an image uint8 (H, W, 3), in place."""
    if steps:
        codes = np.array([int(step) for step, _ in steps], np.int32)
        amounts = np.array([amount for _, amount in steps], np.float32)
        call(library, "ChangeColours", codes, amounts, image)
