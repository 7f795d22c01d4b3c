"""From an image of any size to a square one: the random crop of training, the centre crop of tests.

The definitions are torchvision's and timm's (moment probing spec 4.1 and 4.3), the pixels PIL's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from mindtune.data.interpolation import Resampling, draw_filter, filters_named
from mindtune.errors import ConfigError

Box = tuple[int, int, int, int]
"""left, top, right, bottom in pixels; right and bottom are exclusive."""

_TRIES = 10
_LONGEST_ASPECT = 256


@dataclass(frozen=True)
class RandomResizedCrop:
    """Cut out a box of random area and aspect ratio and resize it to a square.

    Attributes:
        size: side of the result, pixels.
        scale: range of the box's share of the image's area.
        ratio: range of the box's width / height; its logarithm is drawn uniformly.
        interpolation: a filter's name, or ``"random"``: bilinear or bicubic, drawn for each image.
    """

    size: int
    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    interpolation: str = "random"

    def __post_init__(self) -> None:
        if not 0 < self.scale[0] <= self.scale[1] <= 1:
            raise ConfigError(
                f"augment.scale: got {self.scale}, expected 0 < lowest <= highest <= 1"
            )
        if not 0 < self.ratio[0] <= self.ratio[1]:
            raise ConfigError(f"augment.ratio: got {self.ratio}, expected 0 < lowest <= highest")
        filters_named(self.interpolation)

    def __call__(self, image: Image.Image, rng: np.random.Generator) -> Image.Image:
        box = self.sample_box(image.width, image.height, rng)
        resample = draw_filter(self.interpolation, rng)
        # Not resize(box=...): near the box's edges PIL's filters then read the pixels outside it.
        return image.crop(box).resize((self.size, self.size), resample)

    def sample_box(self, width: int, height: int, rng: np.random.Generator) -> Box:
        """A box inside a ``width`` x ``height`` image.

        Up to ten draws of (area, aspect ratio) are tried; if none fits, as in very long images,
        the box is the largest central one whose aspect ratio is allowed.
        """
        log_ratio = (math.log(self.ratio[0]), math.log(self.ratio[1]))
        for _ in range(_TRIES):
            area = width * height * rng.uniform(*self.scale)
            ratio = math.exp(rng.uniform(*log_ratio))
            w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if 0 < w <= width and 0 < h <= height:
                left = int(rng.integers(width - w + 1))
                top = int(rng.integers(height - h + 1))
                return left, top, left + w, top + h
        return self._central_box(width, height)

    def _central_box(self, width: int, height: int) -> Box:
        narrowest, widest = self.ratio
        w = min(width, max(1, round(height * widest)))
        h = min(height, max(1, round(width / narrowest)))
        left, top = (width - w) // 2, (height - h) // 2
        return left, top, left + w, top + h


@dataclass(frozen=True)
class SquareResize:
    """Resize straight to a square, whatever the aspect ratio (the authors' ``--direct-resize``).

    Attributes:
        size: side of the result, pixels.
        interpolation: a filter's name, or ``"random"``: bilinear or bicubic, drawn for each image.
    """

    size: int
    interpolation: str = "random"

    def __post_init__(self) -> None:
        filters_named(self.interpolation)

    def __call__(self, image: Image.Image, rng: np.random.Generator) -> Image.Image:
        return image.resize((self.size, self.size), draw_filter(self.interpolation, rng))


def resize_shorter_side(image: Image.Image, size: int, resample: Resampling) -> Image.Image:
    """Resize so that the shorter side is ``size`` pixels; the longer side is rounded down.

    The ends of an image longer than 256 times its width, far outside any centre crop, are cut off
    first: a 1 x 60,000 strip would otherwise become 15 gigabytes.
    """
    shorter = min(image.size)
    longest = shorter * _LONGEST_ASPECT
    image = _centre(image, min(image.width, longest), min(image.height, longest))
    width, height = (int(size * side / shorter) for side in image.size)
    return image.resize((width, height), resample)


def centre_crop(image: Image.Image, size: int) -> Image.Image:
    """The central ``size`` x ``size`` pixels; the image must be at least that large."""
    return _centre(image, size, size)


def _centre(image: Image.Image, width: int, height: int) -> Image.Image:
    """torchvision's centre: an odd margin is halved with Python's round (half to even)."""
    left, top = round((image.width - width) / 2.0), round((image.height - height) / 2.0)
    return image.crop((left, top, left + width, top + height))
