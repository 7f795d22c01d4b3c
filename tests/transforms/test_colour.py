"""Colour changes against definitions written out in NumPy."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest
from PIL import Image

from mindtune.data.colour import ColourJitter, Sometimes, blur, greyscale, shift_hue, solarise

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (12, 10, 3), dtype=np.uint8)
IMAGE = Image.fromarray(PIXELS)


@pytest.mark.parametrize("turn", [-0.1, 0.0, 0.07, 0.5])
def test_hue_turns_by_parts_of_a_circle(turn):
    """Levels of hue, saturation and value are whole, which moves a colour by a few levels."""
    found = np.asarray(shift_hue(IMAGE, turn)).astype(float)
    step = int(turn * 255) / 256
    expected = np.array(
        [
            colorsys.hsv_to_rgb((h + step) % 1, s, v)
            for h, s, v in (colorsys.rgb_to_hsv(*p) for p in PIXELS.reshape(-1, 3) / 255.0)
        ]
    )
    assert np.abs(found.reshape(-1, 3) - 255 * expected).max() < 8
    assert np.abs(found.reshape(-1, 3) - 255 * expected).mean() < 2


def test_grey_and_solarised():
    grey = np.asarray(greyscale(IMAGE, RNG)).astype(float)
    assert (grey[..., 0] == grey[..., 1]).all()
    assert np.abs(grey[..., 0] - PIXELS @ [0.299, 0.587, 0.114]).max() <= 1
    expected = np.where(PIXELS >= 128, 255 - PIXELS, PIXELS)
    np.testing.assert_array_equal(np.asarray(solarise(IMAGE, RNG)), expected)


def test_blur_spreads_a_point_without_adding_light():
    point = np.zeros((31, 31, 3), np.uint8)
    point[15, 15] = 255
    blurred = np.asarray(blur(Image.fromarray(point), np.random.default_rng(1))).astype(float)
    assert 0 < blurred[15, 15, 0] < 255
    assert blurred[15, 14, 0] > 0
    assert blurred[..., 0].sum() == pytest.approx(255, rel=0.15)


def test_jitter_orders_and_factors_vary_within_their_range():
    grey = Image.new("RGB", (4, 4), (100, 100, 100))
    jitter = ColourJitter(brightness=0.4, contrast=0, saturation=0, hue=0)
    levels = [np.asarray(jitter(grey, np.random.default_rng(seed)))[0, 0, 0] for seed in range(200)]
    assert 60 <= min(levels) < 65
    assert 135 < max(levels) <= 140
    whole = ColourJitter()
    results = {whole(IMAGE, np.random.default_rng(seed)).tobytes() for seed in range(20)}
    assert len(results) == 20


def test_a_step_is_taken_as_often_as_it_says():
    step = Sometimes(0.3, solarise)
    bright = Image.new("RGB", (1, 1), (200, 200, 200))
    taken = [step(bright, np.random.default_rng(s)) is not bright for s in range(1000)]
    assert np.mean(taken) == pytest.approx(0.3, abs=0.05)
