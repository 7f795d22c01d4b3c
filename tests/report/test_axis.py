"""Places along an axis, and what is written beside it."""

from __future__ import annotations

import pytest

from mindtune.report.axis import linear_axis, logarithmic_axis, number_text


@pytest.mark.parametrize(
    ("values", "start", "ticks"),
    [
        ([0.0, 1.0], None, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        ([3.1, 9.7], 0, [0, 2, 4, 6, 8, 10]),
        ([-12.0, 30.0], None, [-20, -10, 0, 10, 20, 30]),
        ([250.0], 0, [0, 50, 100, 150, 200, 250]),
        ([0.0, 0.0], None, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        ([1e-8, 5e-4], 0, [0, 1e-4, 2e-4, 3e-4, 4e-4, 5e-4]),
    ],
)
def test_ticks_are_round_and_hold_all_values(values, start, ticks):
    axis = linear_axis(values, start)
    assert axis.ticks == pytest.approx(ticks)
    assert (axis.share(axis.low), axis.share(axis.high)) == (0, 1)
    assert all(0 <= axis.share(value) <= 1 for value in values)


def test_a_logarithmic_axis_has_a_tick_a_value():
    axis = logarithmic_axis([10, 100, 1000, 10])
    assert axis.ticks == (10, 100, 1000)
    assert axis.share(100) == pytest.approx(0.5)
    assert 0 <= logarithmic_axis([20]).share(20) < 1


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1e-17, "0"), (0.30000000000000004, "0.3"), (5e-4, "0.0005"), (1e-7, "1e-07"),
     (9999, "9999"), (12500, "12.5k"), (-20000, "-20k"), (3e6, "3M")],
)  # fmt: skip
def test_numbers_are_short(value, text):
    assert number_text(value) == text
