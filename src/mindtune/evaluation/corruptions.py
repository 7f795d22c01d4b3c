"""ImageNet-C: mean accuracy and mean corruption error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mindtune.data.datasets import ALEXNET_ERRORS
from mindtune.errors import DataError


def summarise_corruptions(top1: Mapping[tuple[str, int], float]) -> dict[str, Any]:
    """Means over (corruption, severity) -> top-1 accuracy in percent.

    ``CE(c) = mean_s(100 - top1[c, s]) / (100 a_c)`` with AlexNet's mean error ``a_c``; ``mce`` is
    their mean over the 15 corruptions, a fraction as the authors print it (0.45, not 45 %).
    Hendrycks and Dietterich, ICLR 2019. ``mean_top1`` covers every corruption given, the 4 extra
    ones included.

    Raises:
        DataError: one of the 15 is missing.
    """
    by_corruption: dict[str, list[float]] = {}
    for (corruption, _), accuracy in top1.items():
        by_corruption.setdefault(corruption, []).append(accuracy)
    missing = [name for name in ALEXNET_ERRORS if name not in by_corruption]
    if missing:
        raise DataError(f"ImageNet-C: got no results for {missing[0]}, expected all 15 corruptions")
    mean_top1 = {name: sum(values) / len(values) for name, values in by_corruption.items()}
    errors = {
        name: (100.0 - mean_top1[name]) / (100.0 * alexnet)
        for name, alexnet in ALEXNET_ERRORS.items()
    }
    return {
        "mce": sum(errors.values()) / len(errors),
        "mean_top1": sum(mean_top1.values()) / len(mean_top1),
        "corruption_errors": errors,
        "top1": mean_top1,
    }
