"""TrivialAugment: its odds, and its pixels against a second derivation of torchvision's."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps
from scipy.stats import chisquare

from mindtune.data import trivial_augment
from mindtune.data.randomness import sample_rng
from mindtune.data.transforms import TrainTransform
from mindtune.data.trivial_augment import BINS, CANVAS, WIDE, TrivialAugmentWide
from mindtune.preprocessing import Preprocessing

SIGNED = {  # name: largest magnitude
    "ShearX": 0.99, "ShearY": 0.99, "TranslateX": 32.0, "TranslateY": 32.0, "Rotate": 135.0,
    "Brightness": 0.99, "Color": 0.99, "Contrast": 0.99, "Sharpness": 0.99,
}  # fmt: skip
NAMES = ("Identity", *SIGNED, "Posterize", "Solarize", "AutoContrast", "Equalize")


def warped(image: Image.Image, shear: tuple[float, float], shift: tuple[int, int]) -> Image.Image:
    """Nearest pixels under a shear by angles about the top left corner, then a shift."""
    sheared = [[1.0, math.tan(math.atan(shear[0]))], [math.tan(math.atan(shear[1])), 1.0]]
    pixels = np.asarray(image)
    height, width = pixels.shape[:2]
    result = np.zeros_like(pixels)
    for y in range(height):
        for x in range(width):
            at = np.array([x + 0.5 - shift[0], y + 0.5 - shift[1]])
            column, row = np.floor(np.array(sheared) @ at)
            if 0 <= column < width and 0 <= row < height:
                result[y, x] = pixels[int(row), int(column)]
    return Image.fromarray(result)


def expected(name: str, magnitude: float, image: Image.Image) -> Image.Image:
    """The operation of torchvision's ``name`` at its own ``magnitude``."""
    whole = int(magnitude)
    table = {
        "Identity": lambda: image,
        "ShearX": lambda: warped(image, (magnitude, 0), (0, 0)),
        "ShearY": lambda: warped(image, (0, magnitude), (0, 0)),
        "TranslateX": lambda: warped(image, (0, 0), (whole, 0)),
        "TranslateY": lambda: warped(image, (0, 0), (0, whole)),
        "Rotate": lambda: image.rotate(magnitude, Image.Resampling.NEAREST),
        "Brightness": lambda: ImageEnhance.Brightness(image).enhance(1 + magnitude),
        "Color": lambda: ImageEnhance.Color(image).enhance(1 + magnitude),
        "Contrast": lambda: ImageEnhance.Contrast(image).enhance(1 + magnitude),
        "Sharpness": lambda: ImageEnhance.Sharpness(image).enhance(1 + magnitude),
        "Posterize": lambda: ImageOps.posterize(image, whole),
        "Solarize": lambda: image.point([v if v < magnitude else 255 - v for v in range(256)] * 3),
        "AutoContrast": lambda: ImageOps.autocontrast(image),
        "Equalize": lambda: ImageOps.equalize(image),
    }
    return table[name]()


def magnitude_of(name: str, number: int, direction: int) -> float:
    if name in SIGNED:
        return direction * np.linspace(0, SIGNED[name], 31)[number]
    tables = {
        "Posterize": 8 - (np.arange(31) / 5).round(),
        "Solarize": np.linspace(255.0, 0.0, 31),
    }
    return float(tables.get(name, np.zeros(31))[number])


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    """Smooth colours with noise: every operation changes it."""
    rng = np.random.default_rng(0)
    ramp = np.linspace(20, 220, 40)[:, None, None] + np.linspace(0, 30, 48)[None, :, None]
    return Image.fromarray((ramp + rng.uniform(0, 5, (40, 48, 3))).astype(np.uint8))


@pytest.mark.parametrize("operation", WIDE, ids=lambda operation: operation.name)
@pytest.mark.parametrize(("number", "direction"), [(0, 1), (1, 1), (7, -1), (18, 1), (30, -1)])
def test_pixels_of_every_operation(operation, number, direction, picture):
    found = operation.apply(picture, operation.level(number, direction), CANVAS)
    wanted = expected(operation.name, magnitude_of(operation.name, number, direction), picture)
    different = np.abs(np.asarray(found, np.int32) - np.asarray(wanted, np.int32)) > 0
    assert different.mean() < (0.01 if "Shear" in operation.name else 1e-9)  # ties on an edge


def test_fourteen_operations():
    assert tuple(operation.name for operation in WIDE) == NAMES


def test_odds(monkeypatch, picture):
    drawn: list[tuple[str, float, int]] = []

    def recorder(name):
        def level(magnitude, direction):
            drawn.append((name, magnitude, direction))
            return 0.0

        return level

    spied = tuple(
        replace(operation, level=recorder(operation.name), apply=lambda image, *_: image)
        for operation in WIDE
    )
    monkeypatch.setattr(trivial_augment, "WIDE", spied)
    rng = np.random.default_rng(0)
    for _ in range(9000):
        TrivialAugmentWide()(picture, rng)
    for column, choices in enumerate((14, BINS, 2)):
        values, counts = np.unique([row[column] for row in drawn], return_counts=True)
        assert len(values) == choices
        assert chisquare(counts).pvalue > 1e-3


def test_it_follows_crop_and_flip(picture):
    view = TrainTransform(
        Preprocessing(input_size=32, crop_pct=1.0), hflip=0.0, trivial_augment=True
    )
    plain = TrainTransform(Preprocessing(input_size=32, crop_pct=1.0), hflip=0.0)
    results = [
        (view(picture, sample_rng(0, 0, i)), plain(picture, sample_rng(0, 0, i))) for i in range(60)
    ]
    unchanged = np.mean([np.array_equal(*pair) for pair in results])
    assert 0 < unchanged < 0.5
    assert all(changed.shape == (32, 32, 3) for changed, _ in results)
