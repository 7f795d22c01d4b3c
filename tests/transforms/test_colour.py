"""Colour changes against definitions written out in NumPy, by Pillow and by the kernels."""

from __future__ import annotations

import colorsys

import numpy as np
import pytest
from PIL import Image

from mindtune.data.colour import Change, ColourChanges, change_by_pillow
from mindtune.ops.kernel_library import find_library
from mindtune.ops.pixels import ColourStep, ViewPlan, make_views

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (12, 10, 3), dtype=np.uint8)
AS_IT_IS = np.array([[1] * 3, [0] * 3], np.float32)
BY_PILLOW, BY_KERNEL = "pillow", "kernel"


@pytest.fixture(params=[BY_PILLOW, BY_KERNEL])
def changed(request: pytest.FixtureRequest):
    """One change of an array, by one of the two paths."""

    def change(step: Change, pixels: np.ndarray = PIXELS) -> np.ndarray:
        if request.param == BY_PILLOW:
            return np.asarray(change_by_pillow(Image.fromarray(pixels), step))
        library = find_library("CPU")
        if library is None:
            pytest.skip("no kernels are built")
        height, width = pixels.shape[:2]
        plan = ViewPlan((0, 0, width, height), False, [step])
        found, none = (np.empty((v, 1, 3, height, width), np.float32) for v in (1, 0))
        make_views(library, pixels, [plan], AS_IT_IS, 0, found, none)
        return found[0, 0].transpose(1, 2, 0).astype(np.uint8)

    return change


@pytest.mark.parametrize("shift", [-25, 0, 17, 127])
def test_hue_turns_by_parts_of_a_circle(shift, changed):
    """Levels of hue, saturation and value are whole, which moves a colour by a few levels."""
    found = changed((ColourStep.HUE, shift)).astype(float)
    expected = np.array(
        [
            colorsys.hsv_to_rgb((h + shift / 256) % 1, s, v)
            for h, s, v in (colorsys.rgb_to_hsv(*p) for p in PIXELS.reshape(-1, 3) / 255.0)
        ]
    )
    assert np.abs(found.reshape(-1, 3) - 255 * expected).max() < 8
    assert np.abs(found.reshape(-1, 3) - 255 * expected).mean() < 2


@pytest.mark.parametrize("factor", [0.6, 1.0, 1.4])
def test_brightness_contrast_and_saturation_are_blends(factor, changed):
    grey = np.round(PIXELS @ [0.299, 0.587, 0.114])
    for step, start in (
        (ColourStep.BRIGHTNESS, 0.0),
        (ColourStep.CONTRAST, grey.mean()),
        (ColourStep.SATURATION, grey[..., None]),
    ):
        expected = np.clip(start + factor * (PIXELS - start), 0, 255)
        assert np.abs(changed((step, factor)) - expected).max() < 1.5


def test_grey_and_solarised(changed):
    grey = changed((ColourStep.GREY, 0)).astype(float)
    assert (grey[..., 0] == grey[..., 1]).all()
    assert np.abs(grey[..., 0] - PIXELS @ [0.299, 0.587, 0.114]).max() <= 1
    expected = np.where(PIXELS >= 128, 255 - PIXELS, PIXELS)
    np.testing.assert_array_equal(changed((ColourStep.SOLARISE, 128)), expected)


def test_blur_spreads_a_point_without_adding_light(changed):
    point = np.zeros((31, 31, 3), np.uint8)
    point[15, 15] = 255
    blurred = changed((ColourStep.BLUR, 1.2), point).astype(float)[..., 0]
    places = np.arange(31) - 15
    assert (blurred.sum(0) @ places**2) / blurred.sum() == pytest.approx(1.2**2, rel=0.15)
    assert blurred.sum() == pytest.approx(255, rel=0.15)


def test_what_is_drawn_varies_within_its_range():
    drawn = [ColourChanges(0.5, 0.2).draw(np.random.default_rng(seed)) for seed in range(1000)]
    amounts = {
        step: [a for changes in drawn for s, a in changes if s == step] for step in ColourStep
    }
    ranges = {"BRIGHTNESS": (0.6, 1.4), "CONTRAST": (0.6, 1.4), "SATURATION": (0.8, 1.2)}
    ranges.update({"HUE": (-25, 25), "GREY": (0, 0), "BLUR": (0.1, 2.0), "SOLARISE": (128, 128)})
    for name, (lowest, highest) in ranges.items():
        found = amounts[ColourStep[name]]
        assert lowest <= min(found) <= lowest + 0.02 * abs(highest - lowest)
        assert highest - 0.02 * abs(highest - lowest) <= max(found) <= highest
    probs = {"HUE": 0.8, "BRIGHTNESS": 0.8, "GREY": 0.2, "BLUR": 0.5, "SOLARISE": 0.2}
    for name, prob in probs.items():
        assert len(amounts[ColourStep[name]]) / 1000 == pytest.approx(prob, abs=0.05)
    firsts = {changes[0][0] for changes in drawn if len(changes) >= 4}
    assert firsts == {ColourStep(step) for step in range(4)}
