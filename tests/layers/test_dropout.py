from __future__ import annotations

import numpy as np
import pytest
from mindspore import Tensor, nn, ops

from mindtune.layers.dropout import Dropout, dropout
from mindtune.layers.random import random_layers, seed_random_layers, set_random_step

ROWS, COLUMNS = 8, (50, 25)


def masks(rows: int = ROWS, first_sample: int = 0, step: int = 0, rows_per_image: int = 1):
    """What a layer of rate 0.25 makes of ones in training."""
    layer = Dropout(0.25, rows_per_image).set_train(True)
    seed_random_layers(layer, 7, first_sample)
    set_random_step(random_layers(layer), step)
    return layer(ops.ones((rows, *COLUMNS))).asnumpy()


def test_drops_a_share_of_all_numbers_and_divides_the_rest():
    found = masks()
    assert sorted(np.unique(found)) == pytest.approx([0, 1 / 0.75])
    shares = (found == 0).mean(axis=(1, 2))
    assert np.abs(shares - 0.25).max() < 0.05  # 1250 draws: 4 standard deviations
    by_column = (found == 0).reshape(ROWS, -1).mean(axis=0)
    assert by_column.std() == pytest.approx((0.25 * 0.75 / ROWS) ** 0.5, rel=0.1)


def test_rows_and_steps_draw_their_own_and_the_same_ones_again():
    np.testing.assert_array_equal(masks(), masks())
    assert (masks()[0] != masks()[1]).mean() == pytest.approx(2 * 0.25 * 0.75, abs=0.06)
    assert (masks() != masks(step=1)).mean() == pytest.approx(2 * 0.25 * 0.75, abs=0.03)


@pytest.mark.parametrize("rows_per_image", [1, 2])
def test_two_ranks_draw_what_one_with_the_whole_batch_does(rows_per_image):
    images = ROWS // rows_per_image // 2
    ranks = [masks(ROWS // 2, rank * images, 3, rows_per_image) for rank in (0, 1)]
    np.testing.assert_array_equal(np.concatenate(ranks), masks(ROWS, 0, 3, rows_per_image))


def test_evaluation_changes_nothing_and_rate_zero_is_no_layer():
    x = Tensor(np.random.default_rng(0).standard_normal((2, 3)).astype(np.float32))
    np.testing.assert_array_equal(Dropout(0.5).set_train(False)(x).asnumpy(), x.asnumpy())
    assert isinstance(dropout(0.0), nn.Identity)
