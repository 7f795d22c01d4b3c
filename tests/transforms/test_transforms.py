"""The whole path of an image: exact pixels for evaluation, reproducible ones for training."""

from __future__ import annotations

import math
import pickle
from dataclasses import replace

import mindspore.dataset.vision as vision
import numpy as np
import pytest
from PIL import Image

from mindtune.data.randomness import sample_rng
from mindtune.data.transforms import EvalTransform, TrainTransform, mean_colour
from mindtune.errors import ConfigError
from mindtune.preprocessing import IMAGENET_MEAN, INCEPTION_MEAN, Preprocessing

FULL = "rand-m9-mstd0.5-inc1"
SMALL = Preprocessing(input_size=64, crop_pct=0.9)


def resized_shape(width, height, shorter):
    """torchvision's Resize(shorter): the longer side truncated."""
    if width <= height:
        return shorter, int(shorter * height / width)
    return int(shorter * width / height), shorter


def as_torchvision_defines(image, size, crop_pct, resample):
    width, height = resized_shape(*image.size, math.floor(size / crop_pct))
    pixels = np.asarray(image.resize((width, height), resample))
    top, left = round((height - size) / 2.0), round((width - size) / 2.0)
    return pixels[top : top + size, left : left + size]


@pytest.mark.parametrize("size", [224, 97, 32])
@pytest.mark.parametrize("crop_pct", [0.9, 0.875, 1.0])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
def test_eval_pixels_are_pil_s(photo, size, crop_pct, interpolation):
    transform = EvalTransform(
        Preprocessing(input_size=size, crop_pct=crop_pct, interpolation=interpolation)
    )
    resample = Image.Resampling[interpolation.upper()]
    result = transform(photo)
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, as_torchvision_defines(photo, size, crop_pct, resample))


def test_eval_pixels_equal_mindspore_s_own_pil_bicubic(photo):
    size, shorter = 224, 248
    width, height = resized_shape(*photo.size, shorter)
    resize = vision.Resize((height, width), vision.Inter.PILCUBIC)
    expected = resize(np.asarray(photo))
    top, left = round((height - size) / 2), round((width - size) / 2)
    result = EvalTransform(Preprocessing(input_size=size, crop_pct=0.9))(photo)
    np.testing.assert_array_equal(result, expected[top : top + size, left : left + size])


def test_direct_resize_ignores_the_aspect_ratio(photo):
    expected = np.asarray(photo.resize((64, 64), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(EvalTransform(replace(SMALL, resize="square"))(photo), expected)
    train = TrainTransform(SMALL, direct_resize=True, hflip=0.0, interpolation="bicubic")
    np.testing.assert_array_equal(train(photo, sample_rng(0, 0, 0)), expected)


def test_training_pixels_are_a_function_of_seed_epoch_and_index(photo):
    transform = TrainTransform(SMALL, rand_augment=FULL)
    copy = pickle.loads(pickle.dumps(transform))
    name = (47, 3, 12)
    first = transform(photo, sample_rng(*name))
    for other in [(46, 3, 12), (47, 2, 12), (47, 3, 11)]:
        assert (transform(photo, sample_rng(*other)) != first).any()
    np.testing.assert_array_equal(copy(photo, sample_rng(*name)), first)


def test_eval_transform_survives_pickling(photo):
    transform = EvalTransform(SMALL)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(transform))(photo), transform(photo))


@pytest.mark.parametrize(("hflip", "expected"), [(0.0, 0), (1.0, 400), (0.5, 200)])
def test_flip_probability(landscape, hflip, expected):
    transform = TrainTransform(SMALL, direct_resize=True, hflip=hflip, interpolation="bilinear")
    unflipped = np.asarray(landscape.resize((64, 64), Image.Resampling.BILINEAR))
    flipped = 0
    for index in range(400):
        result = transform(landscape, sample_rng(0, 0, index))
        if np.array_equal(result, unflipped[:, ::-1]):
            flipped += 1
        else:
            np.testing.assert_array_equal(result, unflipped)
    assert abs(flipped - expected) <= (50 if hflip == 0.5 else 0)


def test_results_are_writable_arrays(landscape):
    train = TrainTransform(SMALL)(landscape, sample_rng(0, 0, 0))
    assert train.flags.writeable
    assert EvalTransform(SMALL)(landscape).flags.writeable


@pytest.mark.parametrize(
    "size", [(1, 1), (1, 500), (500, 1), (3000, 20), (20, 3000), (60000, 1), (2, 3)]
)
@pytest.mark.parametrize("direct_resize", [False, True])
def test_odd_sizes(noise, size, direct_resize):
    image = noise(*size)
    train = TrainTransform(SMALL, rand_augment=FULL, direct_resize=direct_resize)
    for index in range(5):
        assert train(image, sample_rng(0, 0, index)).shape == (64, 64, 3)
    resize = "square" if direct_resize else "shorter"
    assert EvalTransform(replace(SMALL, resize=resize))(image).shape == (64, 64, 3)


@pytest.mark.parametrize(
    ("mean", "colour"), [(IMAGENET_MEAN, (124, 116, 104)), (INCEPTION_MEAN, (128, 128, 128))]
)
def test_fill_colour(mean, colour):
    assert mean_colour(mean) == colour


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"hflip": 1.5}, "hflip: got 1.5"),
        ({"interpolation": "cubic"}, "interpolation: got 'cubic'"),
        ({"rand_augment": "rand-q9"}, "rand_augment: unknown section 'q9'"),
        ({"rand_augment": FULL, "interpolation": "lanczos"}, "interpolation: got 'lanczos'"),
        ({"scale": (0.9, 0.1)}, "scale"),
        ({"rand_augment": FULL, "trivial_augment": True}, "trivial_augment: got true beside"),
    ],
)
def test_bad_options_are_named(options, named):
    with pytest.raises(ConfigError, match=named):
        TrainTransform(SMALL, **options)
