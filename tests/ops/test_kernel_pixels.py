"""The C entry points ResizeBox and ChangeColours against Pillow, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from ops.kernel_caller import INSTRUCTION_SETS, Kernels, needs_kernels, refusal

pytestmark = needs_kernels

BRIGHTNESS, CONTRAST, SATURATION, HUE, GREY, BLUR, SOLARISE = range(7)


def noise(seed: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def changed(kernels: Kernels, image: np.ndarray, *steps: tuple[int, float]) -> np.ndarray:
    result = image.copy()
    codes = np.array([code for code, _ in steps], np.int32)
    amounts = np.array([amount for _, amount in steps], np.float32)
    kernels.call("ChangeColours", codes, amounts, result)
    return result


def by_pillow(image: np.ndarray, code: int, amount: float) -> np.ndarray:
    given_image = Image.fromarray(image)
    if code in (BRIGHTNESS, CONTRAST, SATURATION):
        kind = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)[code]
        return np.asarray(kind(given_image).enhance(float(np.float32(amount))))
    if code == HUE:
        hsv = np.array(given_image.convert("HSV"))
        hsv[..., 0] += np.array(int(amount)).astype(np.uint8)
        return np.asarray(Image.fromarray(hsv, "HSV").convert("RGB"))
    if code == GREY:
        return np.asarray(given_image.convert("L").convert("RGB"))
    if code == BLUR:
        return np.asarray(given_image.filter(ImageFilter.GaussianBlur(amount)))
    return np.asarray(ImageOps.solarize(given_image, int(amount)))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    instruction_set=st.sampled_from(INSTRUCTION_SETS),
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    size=st.integers(1, 70),
)
def test_resizing(seed, instruction_set, height, width, size):
    image, rng = noise(seed, height, width), np.random.default_rng(seed)
    left, top = rng.integers(width), rng.integers(height)
    right, bottom = rng.integers(left + 1, width + 1), rng.integers(top + 1, height + 1)
    found = np.empty((size, size, 3), np.uint8)
    sides = np.array([left, top, right, bottom], np.int32)
    Kernels(instruction_set).call("ResizeBox", image, sides, found)
    box = Image.fromarray(image).crop((left, top, right, bottom))
    columns_first = box.resize((size, box.height), Image.Resampling.BICUBIC)
    expected = columns_first.resize((size, size), Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(found, np.asarray(expected))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    instruction_set=st.sampled_from(INSTRUCTION_SETS),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    factor=st.floats(0.5, 1.5),
    radius=st.floats(0.1, 4.0),
    shift=st.integers(-128, 127),
)
def test_colours(seed, instruction_set, height, width, factor, radius, shift):
    image, kernels = noise(seed, height, width), Kernels(instruction_set)
    amounts = {HUE: shift, GREY: 0, BLUR: radius, SOLARISE: 128}
    expected, steps = image, []
    for code in np.random.default_rng(seed).permutation(7):
        amount = amounts.get(int(code), factor)
        steps.append((int(code), amount))
        alone = changed(kernels, expected, steps[-1])
        expected = by_pillow(expected, int(code), amount)
        np.testing.assert_array_equal(alone, expected, err_msg=str(code))
    np.testing.assert_array_equal(changed(kernels, image, *steps), expected)


def test_every_hue_of_many_colours():
    levels = np.arange(256, dtype=np.uint8)
    image = np.empty((256, 256, 3), np.uint8)
    image[..., 1], image[..., 2] = levels[:, None], levels
    for red in range(0, 256, 51):
        image[..., 0] = red
        np.testing.assert_array_equal(
            changed(Kernels(INSTRUCTION_SETS[0]), image, (HUE, 7)), by_pillow(image, HUE, 7)
        )


@pytest.mark.parametrize(
    ("operator", "arrays", "message"),
    [
        ("ResizeBox", [noise(0, 4, 5), np.array([0, 0, 6, 4], np.int32), noise(0, 2, 2)], "a box"),
        ("ResizeBox", [noise(0, 4, 5), np.array([2, 0, 2, 4], np.int32), noise(0, 2, 2)], "a box"),
        (
            "ChangeColours",
            [np.array([7], np.int32), np.ones(1, np.float32), noise(0, 2, 2)],
            "known steps",
        ),
        (
            "ChangeColours",
            [np.array([1], np.int32), np.ones(2, np.float32), noise(0, 2, 2)],
            "another shape",
        ),
    ],
)
def test_what_no_image_has_is_refused(operator, arrays, message):
    assert message in refusal(operator, *arrays)
