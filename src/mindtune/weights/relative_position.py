"""Relative position biases for another window or patch grid."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from mindtune.errors import WeightsError

TABLE = "relative_position_bias_table"
SHARED_TABLE = f"rel_pos_bias.{TABLE}"
_CLASS_TOKEN_ROWS = 3
_RATIOS = (1.01, 1.5)  # of neighbouring distances, between which the fitting one is searched
_ACCURACY = 1e-6


def resize_bias_table(table: np.ndarray, rows: int) -> np.ndarray:
    """Resample a table (R, H) of relative position biases for another square window.

    The old offsets are spread over the new range in a geometric progression, dense in the middle,
    so that near neighbours keep their biases nearly; a bicubic spline through them is read at the
    new offsets, those beyond the last knot taking its value. The three rows of a class token, where
    there are any, are kept. This is what BEiT and Feature Distillation do (scipy's ``interp2d``,
    which they called, is gone: the same spline is ``RectBivariateSpline`` without smoothing).
    Microsoft's Swin code resizes bicubically without the progression.

    Args:
        table: (R, H), R = (2w - 1)^2, or three more with a class token.
        rows: wanted R of the new window, of the same kind.

    Returns:
        (rows, H), float32.

    Raises:
        WeightsError: a number of rows that belongs to no square window of two or more tokens a
            side, or only one of the two has rows for a class token.
    """
    # Here alone, for it takes 16 MiB, and hardly any run resizes a table.
    from scipy.interpolate import RectBivariateSpline

    (old, extra), (new, wanted_extra) = _side(table.shape[0]), _side(rows)
    if extra != wanted_extra or old == 1:
        raise WeightsError(
            f"{TABLE}: got {table.shape[0]} rows, which cannot become {rows}: windows of one token "
            "have no neighbours, and only one of the two has a class token otherwise; choose the "
            "backbone of this file"
        )
    known = table[: old * old].reshape(old, old, -1).astype(np.float64)  # (2w - 1, 2w - 1, H)
    offsets, wanted = _spread_offsets(old, new), np.arange(new) - new // 2
    degree = min(3, old - 1)
    splines = [
        RectBivariateSpline(offsets, offsets, known[..., head], kx=degree, ky=degree)
        for head in range(known.shape[2])
    ]
    resized = np.stack([spline(wanted, wanted) for spline in splines], -1)
    biases = resized.reshape(new * new, -1)  # (R, H)
    return np.concatenate([biases, table[old * old :]]).astype(np.float32)


def per_block(tensors: dict[str, np.ndarray], wanted: Iterable[str]) -> dict[str, np.ndarray]:
    """``tensors`` with the table that all blocks share copied to every block's own.

    What turns a student of Feature Distillation, or BEiT's pre-training file, into a network to
    fine-tune. Nothing changes unless the file has the shared table and ``wanted``, the names of the
    network, has tables of blocks instead.
    """
    wanted = list(wanted)
    own = [name for name in wanted if name.endswith(f".attn.{TABLE}")]
    if SHARED_TABLE not in tensors or SHARED_TABLE in wanted or not own:
        return tensors
    rest = {name: array for name, array in tensors.items() if name != SHARED_TABLE}
    return {**rest, **dict.fromkeys(own, tensors[SHARED_TABLE])}


def _side(rows: int) -> tuple[int, int]:
    """2w - 1 of a table of so many rows, and how many of them are for a class token."""
    for extra in (0, _CLASS_TOKEN_ROWS):
        side = math.isqrt(max(rows - extra, 0))
        if side * side == rows - extra and side % 2 == 1:
            return side, extra
    raise WeightsError(
        f"{TABLE}: got {rows} rows, expected (2w - 1)^2 of a square window, or 3 more with a class "
        "token; the file is of another architecture"
    )


def _spread_offsets(old: int, new: int) -> np.ndarray:
    """Where the ``old`` offsets come to lie among ``new`` ones: 0, 1, 1 + q, 1 + q + q^2, ..."""
    low, high = _RATIOS
    while high - low > _ACCURACY:
        ratio = (low + high) / 2
        reach = (1 - ratio ** (old // 2)) / (1 - ratio)
        low, high = (low, ratio) if reach > new // 2 else (ratio, high)
    right = np.cumsum(((low + high) / 2) ** np.arange(old // 2))
    return np.concatenate([-right[::-1], [0.0], right])
