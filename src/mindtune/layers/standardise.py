"""Rows of mean 0 and standard deviation 1."""

from __future__ import annotations

from mindspore import Tensor, ops


def centred_and_deviation(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Each row less its mean (..., C), and its unbiased standard deviation (..., 1).

    Written out because MindSpore's ``std`` is biased by default and both are wanted.
    """
    centred = rows - ops.mean(rows, -1, True)
    return centred, ops.sqrt(ops.sum(centred * centred, -1, True) / (rows.shape[-1] - 1))


def standardise(rows: Tensor) -> Tensor:
    """``(x - mean) / deviation`` of each row (..., C)."""
    centred, deviation = centred_and_deviation(rows)
    return centred / deviation
