"""Resized tables of relative positions against splines made axis by axis."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq

from mindtune.errors import WeightsError
from mindtune.weights.relative_position import SHARED_TABLE, TABLE, per_block, resize_bias_table


def reference(table: np.ndarray, new: int) -> np.ndarray:
    """Knots at sums of a geometric progression, then a spline down the rows and one along them."""
    old = int(len(table) ** 0.5)
    ratio = brentq(lambda q: sum(q**i for i in range(old // 2)) - new // 2, 1.0001, 3)
    right = [sum(ratio**i for i in range(n)) for n in range(1, old // 2 + 1)]
    knots = np.array([*(-r for r in right[::-1]), 0, *right])
    wanted = np.arange(new) - new // 2
    known = table.reshape(old, old, -1)
    return CubicSpline(knots, CubicSpline(knots, known)(wanted).transpose(1, 0, 2))(
        wanted
    ).transpose(1, 0, 2)


@pytest.mark.parametrize(("old", "new"), [(5, 8), (7, 12), (7, 14)])
@pytest.mark.parametrize("extra", [0, 3])
def test_equals_the_reference_and_keeps_the_rows_of_a_class_token(old, new, extra):
    table = np.random.default_rng(old).standard_normal(((2 * old - 1) ** 2 + extra, 3))
    found = resize_bias_table(table.astype(np.float32), (2 * new - 1) ** 2 + extra)
    side = 2 * new - 1
    assert found.dtype == np.float32
    expected = reference(table[: (2 * old - 1) ** 2], side)
    np.testing.assert_allclose(found[: side * side].reshape(side, side, 3), expected, atol=5e-4)
    np.testing.assert_array_equal(found[side * side :], table[len(table) - extra :].astype("f4"))


def test_much_larger_windows_repeat_the_outermost_biases():
    """The progression grows by at most 1.5 a step, so its ends may lie inside the new window."""
    table = np.random.default_rng(0).standard_normal((25, 1)).astype(np.float32)
    found = resize_bias_table(table, 27 * 27).reshape(27, 27)
    np.testing.assert_allclose(found[:10, :10], np.full((10, 10), table[0, 0]), atol=1e-5)


def test_near_neighbours_keep_their_biases():
    table = np.random.default_rng(0).standard_normal((13 * 13, 2)).astype(np.float32)
    found = resize_bias_table(table, 23 * 23).reshape(23, 23, 2)
    old = table.reshape(13, 13, 2)[6:8, 6:8]
    np.testing.assert_allclose(found[11:13, 11:13], old, atol=1e-5)


@pytest.mark.parametrize(
    ("rows", "wanted", "message"),
    [
        (50, 169, "got 50 rows, expected"),
        (49, 172, "got 49 rows, which cannot become 172"),
        (1, 49, "windows of one token have no neighbours"),
        (0, 49, "got 0 rows, expected"),
    ],
)
def test_impossible_tables_are_refused(rows, wanted, message):
    with pytest.raises(WeightsError, match=message):
        resize_bias_table(np.zeros((rows, 2), np.float32), wanted)


def test_shared_table_is_copied_to_blocks_only_where_the_network_has_them():
    table = np.arange(4.0)
    tensors = {SHARED_TABLE: table, "norm.weight": np.ones(2)}
    own = [f"blocks.{i}.attn.{TABLE}" for i in range(2)]
    converted = per_block(tensors, [*own, "fc_norm.weight"])
    assert set(converted) == {*own, "norm.weight"}
    assert all(converted[name] is table for name in own)
    assert per_block(tensors, [SHARED_TABLE]) is tensors
    assert per_block(tensors, ["norm.weight"]) is tensors
    assert per_block({"norm.weight": table}, own) == {"norm.weight": table}
