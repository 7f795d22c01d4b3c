"""TrivialAugment (Müller and Hutter, arXiv:2103.10158) with the wide ranges, as torchvision has it.

One of fourteen operations, each as likely, with one of 31 magnitudes, each as likely, and for the
operations marked +- one of two directions. With b the magnitude's number, 0 to 30:

==================  =====================================  ============
operation           level                                  unit
==================  =====================================  ============
Identity
ShearX, ShearY +-   0.99 b/30                              pixel / pixel
TranslateX, Y +-    int(32 b/30)                           pixels
Rotate +-           135 b/30                               degrees
Brightness, Color,  1 + 0.99 b/30, or 1 less as much       blend factor
Contrast,
Sharpness +-
Posterize           8 - round(6 b/30)                      bits kept
Solarize            255 - 255 b/30                         grey level
AutoContrast
Equalize
==================  =====================================  ============
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np
from PIL import Image

from mindtune.data.rand_augment_ops import INCREASING, Canvas, Operation, affine

BINS = 31
_LAST = BINS - 1
_APPLY = {operation.name: operation.apply for operation in INCREASING}


CANVAS = Canvas(fill=(0, 0, 0), resample=Image.Resampling.NEAREST)
"""torchvision's defaults for the geometric operations."""


class TrivialAugmentWide:
    """Apply one operation of ``WIDE``."""

    def __call__(self, image: Image.Image, rng: np.random.Generator) -> Image.Image:
        operation = WIDE[int(rng.integers(len(WIDE)))]
        magnitude = int(rng.integers(BINS))
        direction = 1 if rng.random() < 0.5 else -1
        return operation.apply(image, operation.level(magnitude, direction), CANVAS)


def _no_level(magnitude: float, direction: int) -> float:
    return 0.0


def _two_sided(limit: float, magnitude: float, direction: int) -> float:
    return direction * limit * magnitude / _LAST


def _enhance(magnitude: float, direction: int) -> float:
    return 1.0 + _two_sided(0.99, magnitude, direction)


def _posterize(magnitude: float, direction: int) -> float:
    return 8 - round(6 * magnitude / _LAST)


def _solarize(magnitude: float, direction: int) -> float:
    # levels from the threshold on are inverted, and PIL's operation wants it whole
    return math.ceil(255 - 255 * magnitude / _LAST)


def _identity(image: Image.Image, level: float, canvas: Canvas) -> Image.Image:
    return image


def _translate_x(image: Image.Image, pixels: float, canvas: Canvas) -> Image.Image:
    return affine(image, (1, 0, -int(pixels), 0, 1, 0), canvas)


def _translate_y(image: Image.Image, pixels: float, canvas: Canvas) -> Image.Image:
    return affine(image, (1, 0, 0, 0, 1, -int(pixels)), canvas)


def _operation(name: str, level: Callable[[float, int], float]) -> Operation:
    return Operation(name, level, _APPLY[name])


WIDE: tuple[Operation, ...] = (
    Operation("Identity", _no_level, _identity),
    _operation("ShearX", partial(_two_sided, 0.99)),
    _operation("ShearY", partial(_two_sided, 0.99)),
    Operation("TranslateX", partial(_two_sided, 32.0), _translate_x),
    Operation("TranslateY", partial(_two_sided, 32.0), _translate_y),
    _operation("Rotate", partial(_two_sided, 135.0)),
    _operation("Brightness", _enhance),
    _operation("Color", _enhance),
    _operation("Contrast", _enhance),
    _operation("Sharpness", _enhance),
    _operation("Posterize", _posterize),
    _operation("Solarize", _solarize),
    _operation("AutoContrast", _no_level),
    _operation("Equalize", _no_level),
)
