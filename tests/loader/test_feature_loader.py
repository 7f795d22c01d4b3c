from __future__ import annotations

import numpy as np
import pytest

from mindtune.data.feature_loader import FeatureLoader
from mindtune.errors import ConfigError

LABELS = np.arange(10)
VIEWS = [np.arange(2 * 10 * 3).reshape(2, 10, 3), -np.arange(2 * 10 * 1.0).reshape(2, 10, 1)]


def loader(rank: int = 0, ranks: int = 1, batch_size: int = 4) -> FeatureLoader:
    return FeatureLoader(LABELS, VIEWS, batch_size, seed=3, rank=rank, world_size=ranks)


def test_columns_belong_to_the_same_image_and_views_take_turns():
    for epoch in range(3):
        for labels, first, second in loader().epoch(epoch):
            assert labels.dtype == np.int32
            np.testing.assert_array_equal(first, VIEWS[0][epoch % 2][labels])
            np.testing.assert_array_equal(second, VIEWS[1][epoch % 2][labels])


def test_epochs_are_shuffled_without_repeats():
    epochs = [np.concatenate([batch[0] for batch in loader().epoch(e)]) for e in range(2)]
    assert [len(set(seen)) for seen in epochs] == [8, 8]
    assert epochs[0].tolist() != epochs[1].tolist()


def test_ranks_share_the_batches_of_one():
    whole = [batch[0].tolist() for batch in loader().epoch(0)]
    parts = [[b[0].tolist() for b in loader(rank, 2, 2).epoch(0)] for rank in range(2)]
    assert [a + b for a, b in zip(*parts)] == whole


def test_an_epoch_goes_on():
    whole = [batch[0].tolist() for batch in loader().epoch(1)]
    assert [batch[0].tolist() for batch in loader().epoch(1, 4)] == whole[1:]


def test_too_few_images():
    with pytest.raises(ConfigError, match=r"got 6 x 2 device\(s\), expected at most the 10"):
        loader(ranks=2, batch_size=6)
