"""Features in two dimensions keep groups apart."""

from __future__ import annotations

import numpy as np
import pytest

from mindtune.errors import DataError
from mindtune.evaluation.embedding import embed


def test_groups_stay_groups_and_a_seed_gives_the_same_places():
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((3, 16))
    labels = np.repeat(np.arange(3), 15)
    lengths = rng.uniform(0.1, 10, (45, 1))  # only directions count
    features = (centres[labels] + 0.05 * rng.standard_normal((45, 16))) * lengths
    found = embed(features.astype(np.float32), 0)
    for places in (found.tsne, found.pca):
        assert places.shape == (45, 2)
        middles = np.stack([places[labels == label].mean(0) for label in range(3)])
        nearest = np.linalg.norm(places[:, None] - middles[None], axis=-1).argmin(1)
        np.testing.assert_array_equal(nearest, labels)
    assert 0.9 < found.pca_explained.sum() <= 1
    np.testing.assert_array_equal(embed(features.astype(np.float32), 0).tsne, found.tsne)


def test_three_images_are_too_few():
    with pytest.raises(DataError, match="got 3 images, expected at least 4"):
        embed(np.eye(3, dtype=np.float32), 0)
