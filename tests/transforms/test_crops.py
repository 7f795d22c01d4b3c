"""Boxes of the random crop against a separate rejection sampler; sizes against the definitions."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from scipy.stats import ks_2samp, kstest

from mindtune.data.crops import RandomResizedCrop, SquareResize, resize_shorter_side
from mindtune.errors import ConfigError


def accepted_boxes(width, height, scale, ratio, draws, rng):
    """(area share, log ratio) of boxes that fit, by vectorised rejection, unrounded."""
    area = rng.uniform(*scale, draws)
    log_ratio = rng.uniform(np.log(ratio[0]), np.log(ratio[1]), draws)
    w = np.sqrt(area * width * height * np.exp(log_ratio))
    h = np.sqrt(area * width * height / np.exp(log_ratio))
    fits = (w <= width) & (h <= height)
    return area[fits], log_ratio[fits]


@pytest.mark.parametrize(("width", "height"), [(3000, 3000), (5000, 3750)])
def test_box_areas_and_ratios_are_distributed_as_defined(width, height):
    crop = RandomResizedCrop(224)
    rng = np.random.default_rng(0)
    boxes = np.array([crop.sample_box(width, height, rng) for _ in range(4000)])
    left, top, right, bottom = boxes.T
    w, h = right - left, bottom - top
    assert left.min() >= 0
    assert top.min() >= 0
    assert right.max() <= width
    assert bottom.max() <= height

    area, log_ratio = accepted_boxes(
        width, height, crop.scale, crop.ratio, 40000, np.random.default_rng(1)
    )
    assert ks_2samp(w * h / (width * height), area).pvalue > 1e-3
    assert ks_2samp(np.log(w / h), log_ratio).pvalue > 1e-3
    free = w < width
    offsets = (left[free] + rng.random(free.sum())) / (width - w[free] + 1)
    assert kstest(offsets, "uniform").pvalue > 1e-3


@pytest.mark.parametrize(
    ("size", "box"),
    [
        ((1000, 10), (493, 0, 506, 10)),  # 10 * 4/3 = 13.3 wide
        ((10, 1000), (0, 493, 10, 506)),  # 10 / (3/4) = 13.3 high
        ((1, 500), (0, 249, 1, 250)),
        ((1, 1), (0, 0, 1, 1)),
    ],
)
def test_images_too_long_for_any_draw_get_the_central_box(size, box):
    crop = RandomResizedCrop(8)
    for seed in range(20):
        assert crop.sample_box(*size, np.random.default_rng(seed)) == box


def test_the_crop_is_cut_out_before_it_is_resized(landscape):
    crop = RandomResizedCrop(64, scale=(0.1, 0.2), interpolation="bicubic")
    box = crop.sample_box(*landscape.size, np.random.default_rng(5))
    expected = np.asarray(landscape.crop(box).resize((64, 64), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(crop(landscape, np.random.default_rng(5)), expected)
    reads_outside = landscape.resize((64, 64), Image.Resampling.BICUBIC, box=box)
    assert (np.asarray(reads_outside) != expected).any()


@pytest.mark.parametrize("make", [RandomResizedCrop, SquareResize])
def test_random_interpolation_draws_both_filters_equally(make, landscape):
    whole = {"scale": (1.0, 1.0), "ratio": (4 / 3, 4 / 3)} if make is RandomResizedCrop else {}
    image = landscape.resize((40, 30))
    step = make(32, **whole)
    results = [np.asarray(step(image, np.random.default_rng(s))).tobytes() for s in range(400)]
    for name in ("BILINEAR", "BICUBIC"):
        same = np.asarray(image.resize((32, 32), Image.Resampling[name])).tobytes()
        assert 150 < results.count(same) < 250


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((500, 375), (330, 248)),  # int(248 * 500 / 375 = 330.67)
        ((375, 500), (248, 330)),
        ((1, 1), (248, 248)),
        ((20, 3000), (248, 37200)),
        ((70000, 1), (248 * 256, 248)),  # the ends are cut off first
    ],
)
def test_shorter_side_sizes(size, expected):
    image = Image.new("RGB", size)
    assert resize_shorter_side(image, 248, Image.Resampling.NEAREST).size == expected


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"scale": (0.5, 0.1)}, "scale"),
        ({"scale": (0.0, 1.0)}, "scale"),
        ({"scale": (0.5, 1.5)}, "scale"),
        ({"ratio": (2.0, 1.0)}, "ratio"),
        ({"interpolation": "bicubik"}, "interpolation.*did you mean 'bicubic'"),
    ],
)
def test_bad_options_are_named(options, named):
    with pytest.raises(ConfigError, match=named):
        RandomResizedCrop(224, **options)
