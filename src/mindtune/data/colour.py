"""Random changes of colour and sharpness, as DINO's views have them; the pixels are PIL's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

RandomStep = Callable[[Image.Image, np.random.Generator], Image.Image]


@dataclass(frozen=True)
class Sometimes:
    """Take ``step`` with probability ``prob``."""

    prob: float
    step: RandomStep

    def __call__(self, image: Image.Image, rng: np.random.Generator) -> Image.Image:
        return self.step(image, rng) if rng.random() < self.prob else image


@dataclass(frozen=True)
class ColourJitter:
    """Brightness, contrast, saturation and hue in a random order (torchvision's definition).

    The first three are multiplied by factors of 1 +- their amount; hue is shifted by up to its
    amount of a full turn, in steps of 1/256.
    """

    brightness: float = 0.4
    contrast: float = 0.4
    saturation: float = 0.2
    hue: float = 0.1

    def __call__(self, image: Image.Image, rng: np.random.Generator) -> Image.Image:
        order = rng.permutation(4)
        factors = [
            rng.uniform(1 - amount, 1 + amount)
            for amount in (self.brightness, self.contrast, self.saturation)
        ]
        turn = rng.uniform(-self.hue, self.hue)
        for step in order:
            if step == 3:
                image = shift_hue(image, turn)
            else:
                image = _ENHANCERS[step](image).enhance(factors[step])
        return image


_ENHANCERS = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)


def shift_hue(image: Image.Image, turn: float) -> Image.Image:
    """Turn the hue of every pixel by ``turn`` of a circle, rounded towards 0 to 1/255 parts."""
    hue, saturation, value = image.convert("HSV").split()
    table = [(level + int(turn * 255)) % 256 for level in range(256)]
    return Image.merge("HSV", (hue.point(table), saturation, value)).convert("RGB")


def greyscale(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Luma in all three channels."""
    return image.convert("L").convert("RGB")


def blur(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """PIL's Gaussian blur (three box blurs) of a radius from 0.1 to 2 pixels."""
    return image.filter(ImageFilter.GaussianBlur(rng.uniform(0.1, 2.0)))


def solarise(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Invert the levels from 128 on."""
    return ImageOps.solarize(image, 128)
