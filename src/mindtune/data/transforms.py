"""What happens to one image between its file and the batch: ``TrainTransform``, ``EvalTransform``.

Both are plain picklable callables on PIL images. PIL does the work in C without the interpreter
lock, so worker threads run side by side.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from mindtune.data.crops import (
    RandomResizedCrop,
    SquareResize,
    centre_crop,
    resize_shorter_side,
)
from mindtune.data.interpolation import filters_named
from mindtune.data.rand_augment import RandAugment
from mindtune.data.trivial_augment import TrivialAugmentWide
from mindtune.errors import ConfigError
from mindtune.preprocessing import Preprocessing

RandomStep = Callable[[Image.Image, np.random.Generator], Image.Image]


@dataclass(frozen=True)
class RandomFlip:
    """Mirror the image left to right with probability ``prob``."""

    prob: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.prob <= 1:
            raise ConfigError(f"hflip: got {self.prob}, expected a probability from 0 to 1")

    def __call__(self, image: Image.Image, rng: np.random.Generator) -> Image.Image:
        if rng.random() < self.prob:
            return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return image


class TrainTransform:
    """Random crop, flip, and RandAugment or TrivialAugment (moment probing spec 4.1, PEFT spec 7).

    The authors' ``--simple-aug`` is ``rand_augment=None``. Their ``--no-aug``, which has nothing
    random in it, is ``EvalTransform`` with ``preprocessing.resize`` "square".

    Args:
        preprocessing: gives the side of the result and RandAugment's fill colour.
        scale: range of the crop's share of the image's area.
        ratio: range of the crop's width / height.
        hflip: probability of a left-right flip.
        interpolation: a filter's name, or ``"random"``: bilinear or bicubic, drawn anew for the
            crop of each image and for each of RandAugment's geometric operations.
        rand_augment: timm's configuration string, for example ``"rand-m9-mstd0.5-inc1"``, or None.
        trivial_augment: TrivialAugment with the wide ranges, in place of RandAugment.
        direct_resize: resize straight to the square instead of cropping; ``scale`` and ``ratio``
            then have no effect.

    Raises:
        ConfigError: a value is out of range, a name or configuration string is unknown, or both
            augmentations are asked for.
    """

    def __init__(
        self,
        preprocessing: Preprocessing,
        *,
        scale: tuple[float, float] = (0.08, 1.0),
        ratio: tuple[float, float] = (3 / 4, 4 / 3),
        hflip: float = 0.5,
        interpolation: str = "random",
        rand_augment: str | None = None,
        trivial_augment: bool = False,
        direct_resize: bool = False,
    ) -> None:
        if trivial_augment and rand_augment is not None:
            raise ConfigError(
                f"augment.trivial_augment: got true beside augment.rand_augment {rand_augment!r}, "
                "expected one of the two; leave one out"
            )
        size = preprocessing.input_size
        steps: list[RandomStep] = [
            SquareResize(size, interpolation)
            if direct_resize
            else RandomResizedCrop(size, scale, ratio, interpolation),
            RandomFlip(hflip),
        ]
        if rand_augment is not None:
            fill = mean_colour(preprocessing.mean)
            steps.append(
                RandAugment.from_config(rand_augment, fill=fill, interpolation=interpolation)
            )
        if trivial_augment:
            steps.append(TrivialAugmentWide())
        self.steps = tuple(steps)

    def __call__(self, image: Image.Image, rng: np.random.Generator) -> np.ndarray:
        """Augment an RGB image of any size; returns uint8 (S, S, 3)."""
        for step in self.steps:
            image = step(image, rng)
        return np.array(image)


class EvalTransform:
    """Resize the shorter side to floor(S / crop_pct), then take the central S x S pixels.

    Args:
        preprocessing: gives S (``input_size``), ``crop_pct`` and the filter. ``crop_pct`` is at
            most 1, so the resized image is never smaller than the crop and nothing is padded.
            Its ``resize`` "square" goes straight to S x S, aspect ratio and ``crop_pct`` ignored.
    """

    def __init__(self, preprocessing: Preprocessing) -> None:
        self.crop_size = preprocessing.input_size
        self.resize_size = math.floor(preprocessing.input_size / preprocessing.crop_pct)
        (self.resample,) = filters_named(preprocessing.interpolation)
        square = preprocessing.resize == "square"
        self.prepare = self._squeeze if square else self._resize_and_crop

    def __call__(self, image: Image.Image) -> np.ndarray:
        """Prepare an RGB image of any size; returns uint8 (S, S, 3)."""
        return np.array(self.prepare(image))

    def _squeeze(self, image: Image.Image) -> Image.Image:
        return image.resize((self.crop_size, self.crop_size), self.resample)

    def _resize_and_crop(self, image: Image.Image) -> Image.Image:
        resized = resize_shorter_side(image, self.resize_size, self.resample)
        return centre_crop(resized, self.crop_size)


def mean_colour(mean: tuple[float, float, float]) -> tuple[int, int, int]:
    """The colour in 0..255 that is nearest to the data's mean, and normalises to about zero."""
    red, green, blue = (min(255, round(255 * value)) for value in mean)
    return red, green, blue
