"""Where, how large and with what random erasing fills."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest

from mindtune.data.erasing import RandomErasing
from mindtune.errors import ConfigError

UNTOUCHED = np.float32(7.0)


def blank(batch, side=48):
    return np.full((batch, 3, side, side), UNTOUCHED)


def boxes_of(images):
    """(top, left, height, width) of each erased box; checks that it is a full rectangle."""
    boxes = []
    for erased in (images != UNTOUCHED).all(axis=1):
        rows, columns = np.flatnonzero(erased.any(axis=1)), np.flatnonzero(erased.any(axis=0))
        if len(rows):
            box = rows[0], columns[0], np.ptp(rows) + 1, np.ptp(columns) + 1
            assert erased.sum() == box[2] * box[3]
            boxes.append(box)
    return np.array(boxes)


def expected_area_share(min_area=0.02, max_area=1 / 3, min_aspect=0.3):
    """The mean of the draws that fit, by a grid over area and log aspect."""
    area = np.linspace(min_area, max_area, 801)[:, None]
    aspect = np.exp(np.linspace(np.log(min_aspect), -np.log(min_aspect), 801))
    fits = (area * aspect < 1) & (area / aspect < 1)
    return (area * fits).sum() / fits.sum()


def test_boxes():
    images = RandomErasing(prob=1.0)(blank(2000), np.random.default_rng(0))
    top, left, height, width = boxes_of(images).T
    assert len(top) == 2000
    share = height * width / 48**2
    assert share.mean() == pytest.approx(expected_area_share(), abs=0.006)
    assert share.min() > 0.01
    assert share.max() < 0.36
    log_aspect = np.log(height / width)
    assert abs(log_aspect.mean()) < 0.06
    assert np.abs(log_aspect).max() < np.log(1 / 0.3) + 0.25  # small boxes round coarsely
    for start, extent in ((top, height), (left, width)):
        offsets = (start + np.random.default_rng(1).random(2000)) / (48 - extent + 1)
        assert kstest(offsets, "uniform").pvalue > 1e-3


def test_noise_is_standard_normal_and_differs_between_channels_and_samples():
    images = RandomErasing(prob=1.0)(blank(100), np.random.default_rng(0))
    noise = images[images != UNTOUCHED]
    assert kstest(noise[::7], "norm").pvalue > 1e-3
    assert len(np.unique(noise)) > 0.99 * len(noise)


@pytest.mark.parametrize("prob", [0.0, 0.25])
def test_share_of_erased_samples(prob):
    images = RandomErasing(prob=prob)(blank(4000, side=16), np.random.default_rng(0))
    erased = (images != UNTOUCHED).any(axis=(1, 2, 3)).mean()
    assert erased == pytest.approx(prob, abs=4 * np.sqrt(prob * (1 - prob) / 4000))


def test_it_works_in_place_and_repeats_with_the_same_rng():
    first, second = blank(8), blank(8)
    assert RandomErasing(prob=1.0)(first, np.random.default_rng(3)) is first
    RandomErasing(prob=1.0)(second, np.random.default_rng(3))
    np.testing.assert_array_equal(first, second)


@pytest.mark.parametrize("shape", [(1, 1), (1, 500), (2, 3), (20, 300)])
def test_small_and_long_images(shape):
    images = np.full((50, 3, *shape), UNTOUCHED)
    result = RandomErasing(prob=1.0)(images, np.random.default_rng(0))
    assert np.isfinite(result).all()
    assert (result == UNTOUCHED).any()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"prob": -0.1}, "prob"),
        ({"min_area": 0.5, "max_area": 0.1}, "min_area 0.5"),
        ({"max_area": 1.5}, "max_area 1.5"),
        ({"min_aspect": 0.0}, "min_aspect"),
    ],
)
def test_bad_options_are_named(options, named):
    with pytest.raises(ConfigError, match=named):
        RandomErasing(**options)
