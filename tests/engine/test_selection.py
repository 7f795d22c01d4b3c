from __future__ import annotations

import pytest

from mindtune.engine.selection import Selection


@pytest.mark.parametrize(
    ("larger", "value", "best", "improves"),
    [
        (True, 1.0, None, True),
        (True, 2.0, 1.0, True),
        (True, 1.0, 1.0, False),
        (False, 5.0, None, True),
        (False, 0.5, 1.0, True),
        (False, 1.0, 1.0, False),
        (False, 2.0, 1.0, False),
    ],
)
def test_only_better_values_improve(larger, value, best, improves):
    assert Selection("metric", larger).improves(value, best) is improves
