"""Views of uint8 images by a compiled kernel, with Pillow's bits; on the host.

ctypes lets go of the interpreter lock while it runs. One call makes all views of an image: threads
that took the lock again after every step would wait for each other most of the time.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mindtune.ops.kernel_library import call


class ColourStep(IntEnum):
    """What can be done to a view; the meaning of the amount beside it.

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


class ViewPlan(NamedTuple):
    """What one view shows.

    Attributes:
        box: left, top, right and bottom of the part of the image, the last two exclusive.
        flipped: left to right, before the steps.
        steps: changes of colour and sharpness with their amounts, one after the other.
    """

    box: tuple[int, int, int, int]
    flipped: bool
    steps: Sequence[tuple[ColourStep, float]]


def make_views(
    library: Path,
    image: np.ndarray,
    plans: Sequence[ViewPlan],
    levels: np.ndarray,
    place: int,
    whole: np.ndarray,
    local: np.ndarray,
) -> None:
    """Cut out, resize (bicubic), change and normalise all views of an image, in one call.

    Columns are resized before rows, as Pillow does to version 12; from 13 on it takes boxes that
    shrink far more in height the other way round, which moves some pixels by a level.

    Args:
        library: the CPU kernels.
        image: uint8 (H, W, 3), contiguous.
        plans: of G + L views; boxes inside the image.
        levels: float32 (2, 3), factors and summands of the channels' levels.
        place: where in the batch this image's views are written.
        whole: float32 (G, B, 3, S, S), contiguous; ``[:, place]`` is written.
        local: the same for the other L views, of another size.
    """
    boxes = [(*plan.box, plan.flipped, len(plan.steps)) for plan in plans]
    steps = [step for plan in plans for step in plan.steps]
    call(
        library,
        "MakeViews",
        image,
        np.array(boxes, np.int32).reshape(len(boxes), 6),
        np.array([code for code, _ in steps], np.int32),
        np.array([amount for _, amount in steps], np.float32),
        levels,
        np.array([place], np.int32),
        whole,
        local,
    )
