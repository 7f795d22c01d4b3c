"""Random changes of colour and sharpness, as DINO's views have them: drawn, then carried out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from mindtune.ops.pixels import ColourStep

Change = tuple[ColourStep, float]

_GREY_PROB, _JITTER_PROB = 0.2, 0.8
_RADII = (0.1, 2.0)
_SOLARISED_FROM = 128
_JITTERED = (ColourStep.BRIGHTNESS, ColourStep.CONTRAST, ColourStep.SATURATION, ColourStep.HUE)
_ENHANCERS = {
    ColourStep.BRIGHTNESS: ImageEnhance.Brightness,
    ColourStep.CONTRAST: ImageEnhance.Contrast,
    ColourStep.SATURATION: ImageEnhance.Color,
}


@dataclass(frozen=True)
class ColourChanges:
    """Colour jitter (0.8), grey (0.2), blur and solarising, in this order.

    Jitter multiplies brightness and contrast by 0.6 to 1.4 and saturation by 0.8 to 1.2 and turns
    the hue by up to a tenth of a circle, in a random order (torchvision's definition). The blur has
    a radius of 0.1 to 2 pixels; solarising inverts levels from 128 on.

    Attributes:
        blur_prob: probability of the blur.
        solarise_prob: of solarising.
    """

    blur_prob: float
    solarise_prob: float = 0.0

    def draw(self, rng: np.random.Generator) -> list[Change]:
        """What is done to one view."""
        changes: list[Change] = []
        if rng.random() < _JITTER_PROB:
            order = rng.permutation(len(_JITTERED))
            amounts = [rng.uniform(1 - amount, 1 + amount) for amount in (0.4, 0.4, 0.2)]
            amounts.append(int(rng.uniform(-0.1, 0.1) * 255))
            changes += [(_JITTERED[step], amounts[step]) for step in order]
        if rng.random() < _GREY_PROB:
            changes.append((ColourStep.GREY, 0.0))
        if rng.random() < self.blur_prob:
            changes.append((ColourStep.BLUR, rng.uniform(*_RADII)))
        if self.solarise_prob > 0 and rng.random() < self.solarise_prob:
            changes.append((ColourStep.SOLARISE, _SOLARISED_FROM))
        return changes


def change_by_pillow(image: Image.Image, change: Change) -> Image.Image:
    """One change, with the same bits as the compiled kernels."""
    step, amount = change
    if step in _ENHANCERS:
        return _ENHANCERS[step](image).enhance(float(np.float32(amount)))
    if step == ColourStep.HUE:
        return _turn_hue(image, int(amount))
    if step == ColourStep.GREY:
        return image.convert("L").convert("RGB")
    if step == ColourStep.BLUR:
        return image.filter(ImageFilter.GaussianBlur(amount))
    return ImageOps.solarize(image, int(amount))


def _turn_hue(image: Image.Image, shift: int) -> Image.Image:
    """Saturation and value stay; levels of hue, of which 256 are a circle, move by ``shift``."""
    hue, saturation, value = image.convert("HSV").split()
    table = [(level + shift) % 256 for level in range(256)]
    return Image.merge("HSV", (hue.point(table), saturation, value)).convert("RGB")
