"""Each operation's pixels against timm's, stored; levels against their definitions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mindtune.data.interpolation import filters_named
from mindtune.data.rand_augment_ops import INCREASING, ORIGINAL, Canvas

TIMM = np.load(Path(__file__).parents[1] / "data" / "rand_augment" / "timm.npz")
CASES = [key for key in TIMM.files if key != "image"]
TABLES = {
    "increasing": {operation.name: operation for operation in INCREASING},
    "original": {operation.name: operation for operation in ORIGINAL},
}


def test_every_operation_has_stored_results():
    stored = {tuple(key.split("/")[:2]) for key in CASES}
    assert {name for table, name in stored if table == "increasing"} == set(TABLES["increasing"])
    assert len(TABLES["increasing"]) == len(TABLES["original"]) == 15


@pytest.mark.parametrize("case", CASES)
def test_pixels_equal_timm_s(case):
    table, name, magnitude, direction, interpolation = case.split("/")
    operation = TABLES[table][name]
    canvas = Canvas((124, 116, 104), filters_named(interpolation)[0])
    level = operation.level(float(magnitude), int(direction))
    result = operation.apply(Image.fromarray(TIMM["image"]), level, canvas)
    np.testing.assert_array_equal(np.asarray(result), TIMM[case])


@pytest.mark.parametrize(
    ("table", "name", "at_0", "at_5", "at_10", "at_20"),
    [
        ("increasing", "Rotate", 0, 15, 30, 60),
        ("increasing", "ShearX", 0, 0.15, 0.3, 0.6),
        ("increasing", "TranslateYRel", 0, 0.225, 0.45, 0.9),
        ("increasing", "Color", 1, 1.45, 1.9, 2.8),
        ("increasing", "Posterize", 4, 2, 0, 0),
        ("increasing", "Solarize", 256, 128, 0, 0),
        ("increasing", "SolarizeAdd", 0, 55, 110, 128),
        ("original", "Sharpness", 0.1, 1.0, 1.9, 3.7),
        ("original", "Posterize", 0, 2, 4, 8),
        ("original", "Solarize", 0, 128, 256, 256),
    ],
)
def test_levels(table, name, at_0, at_5, at_10, at_20):
    level = TABLES[table][name].level
    np.testing.assert_allclose(
        [level(m, 1) for m in (0, 5, 10, 20)], [at_0, at_5, at_10, at_20], rtol=1e-12
    )


@pytest.mark.parametrize(
    ("name", "expected"), [("Rotate", -30), ("ShearY", -0.3), ("Contrast", 0.1), ("Solarize", 0)]
)
def test_levels_in_the_negative_direction(name, expected):
    assert TABLES["increasing"][name].level(10, -1) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "magnitude", "expected"),
    [
        ("SolarizeAdd", 10, lambda v: np.where(v < 128, v + 110, v)),
        ("Solarize", 5, lambda v: np.where(v < 128, v, 255 - v)),
        ("Posterize", 5, lambda v: v // 64 * 64),
        ("Invert", 5, lambda v: 255 - v),
    ],
)
def test_operations_on_every_grey_level(name, magnitude, expected):
    levels = np.repeat(np.arange(256, dtype=np.uint8), 3).reshape(16, 16, 3)
    operation = TABLES["increasing"][name]
    canvas = Canvas((1, 2, 3), Image.Resampling.BICUBIC)
    result = operation.apply(Image.fromarray(levels), operation.level(magnitude, 1), canvas)
    np.testing.assert_array_equal(np.asarray(result), expected(levels.astype(int)))


def test_posterize_to_no_bits_is_black():
    operation = TABLES["increasing"]["Posterize"]
    canvas = Canvas((1, 2, 3), Image.Resampling.BICUBIC)
    result = operation.apply(Image.fromarray(TIMM["image"]), operation.level(10.0, 1), canvas)
    assert not np.asarray(result).any()


@pytest.mark.parametrize("operation", INCREASING + ORIGINAL, ids=lambda operation: operation.name)
@pytest.mark.parametrize("magnitude", [0.0, 10.0, 30.0])
def test_extreme_magnitudes_and_a_single_pixel(operation, magnitude):
    canvas = Canvas((1, 2, 3), Image.Resampling.BICUBIC)
    for direction in (1, -1):
        level = operation.level(magnitude, direction)
        result = operation.apply(Image.new("RGB", (1, 1), (9, 130, 250)), level, canvas)
        assert result.size == (1, 1)
        assert result.mode == "RGB"
