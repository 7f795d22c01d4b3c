from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter, ImageOps

from mindtune.data.normalise import level_map, normalise
from mindtune.data.randomness import sample_rng
from mindtune.data.views import Views
from mindtune.errors import ConfigError

VIEWS = Views(32, local_size=16, local_crops=3)
AS_IT_IS = np.array([[1] * 3, [0] * 3], np.float32)
PATHS = [Views(32, local_size=16, local_crops=3, compiled=c) for c in (True, False)]


def by_hand(image: Image.Image, rng: np.random.Generator, size, scale, blur, solarise):
    """One view, step after step, drawing in the documented order."""
    area = image.width * image.height
    while True:
        share = area * rng.uniform(*scale)
        ratio = np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3)))
        w, h = round(np.sqrt(share * ratio)), round(np.sqrt(share / ratio))
        if 0 < w <= image.width and 0 < h <= image.height:
            break
    left, top = rng.integers(image.width - w + 1), rng.integers(image.height - h + 1)
    view = image.crop((left, top, left + w, top + h))
    view = view.resize((size, h), Image.BICUBIC).resize((size, size), Image.BICUBIC)
    if rng.random() < 0.5:
        view = ImageOps.mirror(view)
    if rng.random() < 0.8:
        order = rng.permutation(4)
        factors = [rng.uniform(0.6, 1.4), rng.uniform(0.6, 1.4), rng.uniform(0.8, 1.2)]
        turn = rng.uniform(-0.1, 0.1)
        for step in order:
            if step < 3:
                kind = (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color)[step]
                view = kind(view).enhance(float(np.float32(factors[step])))
            else:
                hsv = np.array(view.convert("HSV"))
                hsv[..., 0] += np.array(turn * 255).astype(np.int64).astype(np.uint8)
                view = Image.fromarray(hsv, "HSV").convert("RGB")
    if rng.random() < 0.2:
        view = view.convert("L").convert("RGB")
    if rng.random() < blur:
        view = view.filter(ImageFilter.GaussianBlur(rng.uniform(0.1, 2)))
    if solarise and rng.random() < 0.2:
        view = ImageOps.solarize(view, 128)
    return np.asarray(view)


def views_of(views: Views, image: Image.Image, rng: np.random.Generator) -> list[np.ndarray]:
    """Global and local crops of one image, uint8 (V, S, S, 3)."""
    room = views.room(1)
    views.make(image, rng, AS_IT_IS, 0, room)
    return [part[:, 0].transpose(0, 2, 3, 1).astype(np.uint8) for part in room]


@pytest.mark.parametrize("views", PATHS, ids=["kernels", "pillow"])
@pytest.mark.parametrize("seed", range(8))
def test_the_chain_is_the_specified_one(photo, seed, views):
    whole, local = views_of(views, photo, np.random.default_rng(seed))
    rng = np.random.default_rng(seed)
    np.testing.assert_array_equal(whole[0], by_hand(photo, rng, 32, (0.25, 1), 1.0, False))
    np.testing.assert_array_equal(whole[1], by_hand(photo, rng, 32, (0.25, 1), 0.1, True))
    for crop in local:
        np.testing.assert_array_equal(crop, by_hand(photo, rng, 16, (0.05, 0.25), 0.5, False))


def test_views_are_a_function_of_seed_epoch_and_image(photo):
    first, again = (views_of(VIEWS, photo, sample_rng(1, 2, 3)) for _ in range(2))
    other = views_of(VIEWS, photo, sample_rng(1, 3, 3))
    for a, b, c in zip(first, again, other):
        np.testing.assert_array_equal(a, b)
        assert not np.array_equal(a, c)


def test_both_paths_normalise_to_the_same_bits(photo):
    levels = level_map((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    rooms = [views.room(2) for views in PATHS]
    for views, room in zip(PATHS, rooms):
        for place in (1, 0):
            views.make(photo, sample_rng(1, 2, place), levels, place, room)
    for by_kernel, by_pillow in zip(*rooms):
        np.testing.assert_array_equal(by_kernel, by_pillow)
    raw = views_of(VIEWS, photo, sample_rng(1, 2, 1))[1]
    expected = normalise(raw, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    np.testing.assert_array_equal(rooms[0][1][:, 1], expected)


def test_no_local_crops(photo):
    views = Views(32, local_size=16, local_crops=0)
    whole, local = views_of(views, photo, np.random.default_rng(0))
    assert (whole.shape, local.shape) == ((2, 32, 32, 3), (0, 16, 16, 3))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"local_crops": -1}, "views.local_crops: got -1"),
        ({"global_scale": (0.5, 0.2)}, r"views.global_scale: got \(0.5, 0.2\)"),
        ({"local_scale": (0.0, 0.2)}, r"views.local_scale: got \(0.0, 0.2\)"),
    ],
)
def test_impossible_views_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        Views(32, **options)
