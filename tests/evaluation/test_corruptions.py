from __future__ import annotations

import pytest

from mindtune.data.datasets import ALEXNET_ERRORS, CORRUPTIONS, SEVERITIES
from mindtune.errors import DataError
from mindtune.evaluation.corruptions import summarise_corruptions


def test_a_network_as_wrong_as_alexnet_has_an_mce_of_one():
    top1 = {
        (name, severity): 100 * (1 - ALEXNET_ERRORS.get(name, 0.5)) + (severity - 3)
        for name in CORRUPTIONS
        for severity in SEVERITIES
    }
    summary = summarise_corruptions(top1)
    assert summary["mce"] == pytest.approx(1.0)
    assert len(summary["corruption_errors"]) == 15
    assert len(summary["top1"]) == 19


def test_mce_is_the_mean_over_the_75_ratios():
    top1 = {(n, s): 10.0 * s + i for i, n in enumerate(ALEXNET_ERRORS) for s in SEVERITIES}
    ratios = [(100 - v) / (100 * ALEXNET_ERRORS[n]) for (n, _), v in top1.items()]
    assert summarise_corruptions(top1)["mce"] == pytest.approx(sum(ratios) / 75)


def test_a_missing_corruption_is_named():
    top1 = {(n, s): 50.0 for n in ALEXNET_ERRORS for s in SEVERITIES if n != "fog"}
    with pytest.raises(DataError, match="no results for fog"):
        summarise_corruptions(top1)
