"""The C entry point MakeViews against Pillow, bit for bit."""

from __future__ import annotations

from collections.abc import Sequence

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


LEVELS = np.array([[1.0] * 3, [0.0] * 3], np.float32)
NO_CROPS = np.empty((0, 1, 3, 1, 1), np.float32)
Steps = Sequence[tuple[int, float]]


def arguments(image: np.ndarray, plans: Sequence[tuple[Sequence[int], bool, Steps]]) -> list:
    """Image, plans, steps and amounts."""
    steps = [step for _, _, here in plans for step in here]
    return [
        image,
        np.array([(*box, flip, len(here)) for box, flip, here in plans], np.int32).reshape(-1, 6),
        np.array([code for code, _ in steps], np.int32),
        np.array([amount for _, amount in steps], np.float32),
    ]


def made(
    kernels: Kernels, image: np.ndarray, plan: tuple[Sequence[int], bool, Steps], *size: int
) -> np.ndarray:
    """One view, uint8 (H, W, 3)."""
    view = np.full((1, 1, 3, *size), np.nan, np.float32)
    place = np.zeros(1, np.int32)
    kernels.call("MakeViews", *arguments(image, [plan]), LEVELS, place, view, NO_CROPS)
    assert ((view >= 0) & (view <= 255) & (view == view.astype(np.uint8))).all()
    return view[0, 0].astype(np.uint8).transpose(1, 2, 0)


def changed(kernels: Kernels, image: np.ndarray, *steps: tuple[int, float]) -> np.ndarray:
    height, width = image.shape[:2]
    return made(kernels, image, ((0, 0, width, height), False, steps), height, width)


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
    size=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    flipped=st.booleans(),
)
def test_resizing(seed, instruction_set, height, width, size, flipped):
    image, rng = noise(seed, height, width), np.random.default_rng(seed)
    left, top = rng.integers(width), rng.integers(height)
    right, bottom = rng.integers(left + 1, width + 1), rng.integers(top + 1, height + 1)
    found = made(Kernels(instruction_set), image, ((left, top, right, bottom), flipped, ()), *size)
    box = Image.fromarray(image).crop((left, top, right, bottom))
    columns_first = box.resize((size[1], box.height), Image.Resampling.BICUBIC)
    expected = columns_first.resize(size[::-1], Image.Resampling.BICUBIC)
    expected = ImageOps.mirror(expected) if flipped else expected
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


def test_every_colour_keeps_pillows_hue():
    """Floats instead of Pillow's doubles change no byte."""
    levels = np.arange(256, dtype=np.uint8)
    image = np.empty((256, 256, 3), np.uint8)
    image[..., 1], image[..., 2] = levels[:, None], levels
    for red in range(256):
        image[..., 0] = red
        shift = red * 37 % 256 - 128
        np.testing.assert_array_equal(
            changed(Kernels(INSTRUCTION_SETS[0]), image, (HUE, shift)),
            by_pillow(image, HUE, shift),
        )


@pytest.mark.parametrize("instruction_set", INSTRUCTION_SETS)
def test_all_views_of_an_image_in_its_place_of_the_batch(instruction_set):
    image, kernels = noise(3, 41, 53), Kernels(instruction_set)
    plans = [
        ((2, 3, 50, 40), True, [(HUE, 9), (BLUR, 1.3)]),
        ((0, 0, 53, 41), False, []),
        ((7, 5, 27, 29), False, [(GREY, 0), (SOLARISE, 128), (CONTRAST, 1.3)]),
        ((9, 1, 11, 9), True, [(BRIGHTNESS, 0.7)]),
        ((9, 1, 40, 33), True, []),
    ]
    levels = np.array([[0.5, 0.25, 2.0], [-3.0, 4.0, 0.5]], np.float32)
    whole, local = (np.full((v, 4, 3, s, s), np.nan, np.float32) for v, s in ((2, 24), (3, 10)))
    place = np.array([2], np.int32)
    kernels.call("MakeViews", *arguments(image, plans), levels, place, whole, local)
    for crops, here in ((whole, plans[:2]), (local, plans[2:])):
        assert np.isnan(np.delete(crops, 2, axis=1)).all()
        for crop, plan in zip(crops[:, 2], here):
            alone = made(kernels, image, plan, *crop.shape[1:]).transpose(2, 0, 1)
            expected = alone * levels[0][:, None, None] + levels[1][:, None, None]
            np.testing.assert_array_equal(crop, expected)


def crops(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


IMAGE, PLACE, ONE, NONE = noise(0, 4, 5), np.zeros(1, np.int32), crops(1, 1, 3, 2, 2), NO_CROPS
BOX = (0, 0, 5, 4)


@pytest.mark.parametrize(
    ("given_arguments", "rest", "message"),
    [
        (arguments(IMAGE, [((0, 0, 6, 4), 0, ())]), (LEVELS, PLACE, ONE, NONE), "a box inside"),
        (arguments(IMAGE, [((2, 0, 2, 4), 0, ())]), (LEVELS, PLACE, ONE, NONE), "a box inside"),
        (arguments(IMAGE, [(BOX, 0, [(7, 1.0)])]), (LEVELS, PLACE, ONE, NONE), "known steps"),
        (arguments(IMAGE, [(BOX, 0, ())] * 2), (LEVELS, PLACE, ONE, NONE), "shape of argument 1"),
        (
            [*arguments(IMAGE, [(BOX, 0, [(1, 1.0)])])[:3], crops(2)],
            (LEVELS, PLACE, ONE, NONE),
            "another shape of argument 3",
        ),
        (
            [*arguments(IMAGE, [(BOX, 0, ())])[:2], np.zeros(1, np.int32), crops(1)],
            (LEVELS, PLACE, ONE, NONE),
            "as many steps",
        ),
        (
            [IMAGE, np.array([[*BOX, 0, -1]], np.int32), np.zeros(0, np.int32), crops(0)],
            (LEVELS, PLACE, ONE, NONE),
            "fewer than no steps",
        ),
        (arguments(IMAGE, [(BOX, 0, ())]), (LEVELS[:1], PLACE, ONE, NONE), "shape of argument 4"),
        (arguments(IMAGE, [(BOX, 0, ())]), (LEVELS, PLACE + 1, ONE, NONE), "a place in the batch"),
        (
            arguments(IMAGE, [(BOX, 0, ())]),
            (LEVELS, PLACE, ONE, crops(0, 2, 3, 2, 2)),
            "a place in the batch",
        ),
        (
            arguments(IMAGE, [(BOX, 0, ())]),
            (LEVELS, PLACE, crops(1, 1, 4, 2, 2), NONE),
            "another shape of argument 6",
        ),
    ],
)
def test_what_no_image_has_is_refused(given_arguments, rest, message):
    assert message in refusal("MakeViews", *given_arguments, *rest)
