"""Normalisation against its formula in float64."""

from __future__ import annotations

import numpy as np
import pytest

from mindtune.data.normalise import normalise
from mindtune.preprocessing import IMAGENET_MEAN, IMAGENET_STD, INCEPTION_MEAN, INCEPTION_STD


@pytest.mark.parametrize(
    ("mean", "std"), [(IMAGENET_MEAN, IMAGENET_STD), (INCEPTION_MEAN, INCEPTION_STD)]
)
def test_every_level_of_every_channel(mean, std):
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    images = np.concatenate([levels, levels[:, ::-1], np.swapaxes(levels, 1, 2)], axis=-1)
    images = np.concatenate([images, 255 - images])  # (2, 16, 16, 3)
    result = normalise(images, mean, std)
    expected = ((images / 255.0 - np.array(mean)) / np.array(std)).transpose(0, 3, 1, 2)
    assert result.dtype == np.float32
    assert result.shape == (2, 3, 16, 16)
    assert result.flags.c_contiguous
    assert result.flags.writeable
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-6)


def test_it_leaves_its_input_alone_and_takes_views():
    images = np.random.default_rng(0).integers(0, 256, (4, 6, 5, 3), dtype=np.uint8)
    before = images.copy()
    flipped = normalise(images[::-1, :, ::-1], IMAGENET_MEAN, IMAGENET_STD)
    plain = normalise(images, IMAGENET_MEAN, IMAGENET_STD)
    np.testing.assert_array_equal(flipped, plain[::-1, :, :, ::-1])
    np.testing.assert_array_equal(images, before)
