"""Several random crops of one image: the views of DINO, iBOT and SMKD (its specification, 6)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from mindtune.data.colour import Change, ColourChanges, change_by_pillow
from mindtune.data.crops import Box, RandomResizedCrop
from mindtune.errors import ConfigError
from mindtune.ops.kernel_library import find_library
from mindtune.ops.pixels import change_colours, resize_box

_FLIP_PROB = 0.5
_GLOBAL = (ColourChanges(blur_prob=1.0), ColourChanges(blur_prob=0.1, solarise_prob=0.2))
_LOCAL = ColourChanges(blur_prob=0.5)


@dataclass(frozen=True)
class View:
    """What one view shows.

    Attributes:
        size: its side, pixels.
        box: the part of the image.
        flipped: left to right, before the changes.
        changes: of colour and sharpness, in order.
    """

    size: int
    box: Box
    flipped: bool
    changes: list[Change]

    def by_kernel(self, library: Path, image: np.ndarray) -> np.ndarray:
        """Of an image uint8 (H, W, 3): uint8 (S, S, 3)."""
        view = resize_box(library, image, self.box, self.size)
        if self.flipped:
            view = np.ascontiguousarray(view[:, ::-1])
        change_colours(library, view, self.changes)
        return view

    def by_pillow(self, image: Image.Image) -> np.ndarray:
        """The same bits without kernels, whichever order Pillow's version prefers."""
        view = image.crop(self.box)
        bicubic = Image.Resampling.BICUBIC
        view = view.resize((self.size, view.height), bicubic).resize((self.size,) * 2, bicubic)
        if self.flipped:
            view = view.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        for change in self.changes:
            view = change_by_pillow(view, change)
        return np.asarray(view)


class Views:
    """Two global crops and some local ones, each with its own choices of everything.

    Crop and bicubic resize, flip (1/2), colour jitter (0.8), grey (0.2), blur (1 in the first
    global crop, 0.1 in the second, 1/2 in local ones), solarise (0.2, second global crop only).

    Args:
        global_size: side of the global crops, pixels.
        global_scale: range of their share of the image's area.
        local_size: side of the local crops.
        local_scale: range of their share.
        local_crops: how many; may be 0.
        compiled: use the CPU kernels where they are built; they change no bit.

    Raises:
        ConfigError: a value out of range.
    """

    def __init__(
        self,
        global_size: int,
        global_scale: tuple[float, float] = (0.25, 1.0),
        local_size: int = 96,
        local_scale: tuple[float, float] = (0.05, 0.25),
        local_crops: int = 10,
        compiled: bool = True,
    ) -> None:
        if local_crops < 0:
            raise ConfigError(f"views.local_crops: got {local_crops}, expected 0 or more")
        for name, scale in (("global_scale", global_scale), ("local_scale", local_scale)):
            if not 0 < scale[0] <= scale[1] <= 1:
                raise ConfigError(f"views.{name}: got {scale}, expected 0 < lowest <= highest <= 1")
        self.global_size, self.local_size, self.local_crops = global_size, local_size, local_crops
        whole = RandomResizedCrop(global_size, global_scale, interpolation="bicubic")
        part = RandomResizedCrop(local_size, local_scale, interpolation="bicubic")
        self.kinds = [(whole, changes) for changes in _GLOBAL] + [(part, _LOCAL)] * local_crops
        self.library = find_library("CPU") if compiled else None

    def draw(self, width: int, height: int, rng: np.random.Generator) -> list[View]:
        """The views of an image of this size, global ones first."""
        views = []
        for crop, changes in self.kinds:
            box = crop.sample_box(width, height, rng)
            flipped = rng.random() < _FLIP_PROB
            views.append(View(crop.size, box, flipped, changes.draw(rng)))
        return views

    def __call__(
        self, image: Image.Image, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Views of an RGB image of any size: uint8 (2, S, S, 3) and (L, s, s, 3)."""
        views = self.draw(image.width, image.height, rng)
        if self.library is None:
            crops = [view.by_pillow(image) for view in views]
        else:
            pixels = np.ascontiguousarray(image)
            crops = [view.by_kernel(self.library, pixels) for view in views]
        local = np.empty((self.local_crops, self.local_size, self.local_size, 3), np.uint8)
        for place, crop in zip(local, crops[2:]):
            place[:] = crop
        return np.stack(crops[:2]), local
