"""RandAugment's operations as tables: what a magnitude means to each, and what PIL does with it.

The operations and their ranges are those of timm's ``rand-...`` policies. A magnitude m runs from
0 to 10 (beyond, with ``mmax``); the direction s, +1 or -1, matters to the operations marked +-.

==================  ==========================  =============================  ============
operation           increasing (``inc1``)       original (``inc0``)            unit
==================  ==========================  =============================  ============
Rotate +-           30 s m/10                   the same                       degrees
Posterize           4 - int(4 m/10)             int(4 m/10)                    bits kept
Solarize            256 - int(256 m/10)         int(256 m/10)                  grey level
SolarizeAdd         int(110 m/10), <= 128       the same                       grey levels
Color, Contrast,    1 + 0.9 s m/10, >= 0.1      0.1 + 1.8 m/10                 blend factor
Brightness,
Sharpness +-
ShearX, ShearY +-   0.3 s m/10                  the same                       pixel / pixel
TranslateX/YRel +-  0.45 s m/10                 the same                       side lengths
==================  ==========================  =============================  ============

AutoContrast, Equalize and Invert have no magnitude.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from PIL import Image, ImageEnhance, ImageOps

from mindtune.data.interpolation import Resampling

FULL_MAGNITUDE = 10.0
_SOLARIZE_ADD_BELOW = 128


@dataclass(frozen=True)
class Canvas:
    """What a geometric operation needs to know: the colour of what it uncovers, and the filter."""

    fill: tuple[int, int, int]
    resample: Resampling


@dataclass(frozen=True)
class Operation:
    """One row of a table.

    Attributes:
        name: timm's name, without its "Increasing".
        level: (magnitude, direction) to the operation's own unit; direction is +1 or -1.
        apply: (image, level, canvas) to the changed image.
    """

    name: str
    level: Callable[[float, int], float]
    apply: Callable[[Image.Image, float, Canvas], Image.Image]


# Levels -----------------------------------------------------------------------------------------


def _no_level(magnitude: float, direction: int) -> float:
    return 0.0


def _two_sided(limit: float, magnitude: float, direction: int) -> float:
    return direction * (magnitude / FULL_MAGNITUDE * limit)


def _enhance_increasing(magnitude: float, direction: int) -> float:
    return max(0.1, 1.0 + _two_sided(0.9, magnitude, direction))


def _enhance_original(magnitude: float, direction: int) -> float:
    return magnitude / FULL_MAGNITUDE * 1.8 + 0.1


def _posterize_original(magnitude: float, direction: int) -> float:
    return min(8, int(magnitude / FULL_MAGNITUDE * 4))


def _posterize_increasing(magnitude: float, direction: int) -> float:
    return max(0, 4 - int(magnitude / FULL_MAGNITUDE * 4))


def _solarize_original(magnitude: float, direction: int) -> float:
    return min(256, int(magnitude / FULL_MAGNITUDE * 256))


def _solarize_increasing(magnitude: float, direction: int) -> float:
    return 256 - _solarize_original(magnitude, direction)


def _solarize_add(magnitude: float, direction: int) -> float:
    return min(128, int(magnitude / FULL_MAGNITUDE * 110))


# What PIL does ----------------------------------------------------------------------------------


def _autocontrast(image: Image.Image, level: float, canvas: Canvas) -> Image.Image:
    return ImageOps.autocontrast(image)


def _equalize(image: Image.Image, level: float, canvas: Canvas) -> Image.Image:
    return ImageOps.equalize(image)


def _invert(image: Image.Image, level: float, canvas: Canvas) -> Image.Image:
    return ImageOps.invert(image)


def _posterize(image: Image.Image, bits: float, canvas: Canvas) -> Image.Image:
    # ImageOps.posterize is not used: from Pillow 13 on it refuses the 0 bits of magnitude 10.
    kept = 256 - 2 ** (8 - int(bits))
    return _map_levels(image, [value & kept for value in range(256)])


def _solarize(image: Image.Image, threshold: float, canvas: Canvas) -> Image.Image:
    return ImageOps.solarize(image, int(threshold))


def _add_to_dark(image: Image.Image, added: float, canvas: Canvas) -> Image.Image:
    dark = range(_SOLARIZE_ADD_BELOW)
    bright = range(_SOLARIZE_ADD_BELOW, 256)
    return _map_levels(image, [min(255, value + int(added)) for value in dark] + list(bright))


def _color(image: Image.Image, factor: float, canvas: Canvas) -> Image.Image:
    return ImageEnhance.Color(image).enhance(factor)


def _contrast(image: Image.Image, factor: float, canvas: Canvas) -> Image.Image:
    return ImageEnhance.Contrast(image).enhance(factor)


def _brightness(image: Image.Image, factor: float, canvas: Canvas) -> Image.Image:
    return ImageEnhance.Brightness(image).enhance(factor)


def _sharpness(image: Image.Image, factor: float, canvas: Canvas) -> Image.Image:
    return ImageEnhance.Sharpness(image).enhance(factor)


def _rotate(image: Image.Image, degrees: float, canvas: Canvas) -> Image.Image:
    return image.rotate(degrees, resample=canvas.resample, fillcolor=canvas.fill)


def _shear_x(image: Image.Image, slope: float, canvas: Canvas) -> Image.Image:
    return affine(image, (1, slope, 0, 0, 1, 0), canvas)


def _shear_y(image: Image.Image, slope: float, canvas: Canvas) -> Image.Image:
    return affine(image, (1, 0, 0, slope, 1, 0), canvas)


def _translate_x(image: Image.Image, share: float, canvas: Canvas) -> Image.Image:
    return affine(image, (1, 0, share * image.width, 0, 1, 0), canvas)


def _translate_y(image: Image.Image, share: float, canvas: Canvas) -> Image.Image:
    return affine(image, (1, 0, 0, 0, 1, share * image.height), canvas)


def _map_levels(image: Image.Image, table: list[int]) -> Image.Image:
    return image.point(table * len(image.getbands()))


def affine(
    image: Image.Image, matrix: tuple[float, float, float, float, float, float], canvas: Canvas
) -> Image.Image:
    """Pixel (x, y) of the result comes from (a x + b y + c, d x + e y + f) of ``image``."""
    return image.transform(
        image.size,
        Image.Transform.AFFINE,
        matrix,
        resample=canvas.resample,
        fillcolor=canvas.fill,
    )


# Tables -----------------------------------------------------------------------------------------

INCREASING: tuple[Operation, ...] = (
    Operation("AutoContrast", _no_level, _autocontrast),
    Operation("Equalize", _no_level, _equalize),
    Operation("Invert", _no_level, _invert),
    Operation("Rotate", partial(_two_sided, 30.0), _rotate),
    Operation("Posterize", _posterize_increasing, _posterize),
    Operation("Solarize", _solarize_increasing, _solarize),
    Operation("SolarizeAdd", _solarize_add, _add_to_dark),
    Operation("Color", _enhance_increasing, _color),
    Operation("Contrast", _enhance_increasing, _contrast),
    Operation("Brightness", _enhance_increasing, _brightness),
    Operation("Sharpness", _enhance_increasing, _sharpness),
    Operation("ShearX", partial(_two_sided, 0.3), _shear_x),
    Operation("ShearY", partial(_two_sided, 0.3), _shear_y),
    Operation("TranslateXRel", partial(_two_sided, 0.45), _translate_x),
    Operation("TranslateYRel", partial(_two_sided, 0.45), _translate_y),
)

_ORIGINAL_LEVELS: dict[str, Callable[[float, int], float]] = {
    "Posterize": _posterize_original,
    "Solarize": _solarize_original,
    "Color": _enhance_original,
    "Contrast": _enhance_original,
    "Brightness": _enhance_original,
    "Sharpness": _enhance_original,
}

ORIGINAL: tuple[Operation, ...] = tuple(
    Operation(op.name, _ORIGINAL_LEVELS.get(op.name, op.level), op.apply) for op in INCREASING
)
