from __future__ import annotations

import numpy as np
import pytest
from mindspore import Tensor

from mindtune.engine.distributed.average import MeanOverRanks, OwnValues, plan_messages


@pytest.mark.parametrize(
    ("sizes", "largest", "expected"),
    [
        ([3, 3, 3], 6, ((1, 3), (0, 1))),
        ([3, 3, 3], 100, ((0, 3),)),
        ([1, 50, 1], 6, ((2, 3), (1, 2), (0, 1))),
        ([7], 1, ((0, 1),)),
    ],
)
def test_messages_are_large_and_begin_with_the_last(sizes, largest, expected):
    assert plan_messages(sizes, largest) == expected


def test_tensors_come_back_in_their_places_and_shapes(monkeypatch):
    shapes = [(2, 3), (), (4,), (1, 2, 2)]
    rng = np.random.default_rng(0)
    values = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    cell = MeanOverRanks(shapes, ranks=4, message_bytes=24)
    cell.all_reduce = OwnValues()  # as if the other ranks held zeros
    for mean, value in zip(cell(tuple(Tensor(v) for v in values)), values):
        assert mean.shape == value.shape
        np.testing.assert_array_equal(mean.asnumpy(), value / 4)
