"""Activations and LayerNorm in float64 NumPy, forward and backward by hand."""

from __future__ import annotations

import numpy as np
from scipy.special import erfc, expit

from ops.arithmetic import Arithmetic

Results = dict[str, np.ndarray]


def gelu(x: np.ndarray, dy: np.ndarray, at: Arithmetic) -> Results:
    """``x cdf(x)`` of the normal distribution."""
    wide = x.astype(np.float64)
    cdf = at.rounded(erfc(-wide / np.sqrt(2)) / 2)
    density = at.rounded(np.exp(-(wide**2) / 2) / np.sqrt(2 * np.pi))
    return {"y": at.rounded(wide * cdf), "dx": at.rounded(dy * (cdf + wide * density))}


def quick_gelu(x: np.ndarray, dy: np.ndarray, at: Arithmetic) -> Results:
    """``x sigmoid(1.702 x)``."""
    wide = x.astype(np.float64)
    share = at.rounded(expit(1.702 * wide))
    slope = share + at.rounded(1.702 * wide * share * expit(-1.702 * wide))
    return {"y": at.rounded(wide * share), "dx": at.rounded(dy * slope)}


def layer_norm(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray, eps: float, dy: np.ndarray, at: Arithmetic
) -> Results:
    """Over the last axis of rows (R, D)."""
    wide, last = x.astype(np.float64), (-1,)
    off = at.rounded(wide - at.mean(wide, last))
    inverse_std = at.rounded(1 / np.sqrt(at.mean(off**2, last) + eps))
    normed = at.rounded(off * inverse_std)
    slope = at.rounded(dy * weight.astype(np.float64))
    along = at.mean(slope * normed, last)
    dx = at.rounded(inverse_std * at.rounded(slope - at.mean(slope, last) - normed * along))
    return {
        "y": at.rounded(normed * weight + bias),
        "dx": dx,
        "dweight": at.total(dy * normed, (0,))[0],
        "dbias": at.total(dy.astype(np.float64), (0,))[0],
    }


def channel_map(
    x: np.ndarray, scale: np.ndarray, shift: np.ndarray, dy: np.ndarray, at: Arithmetic
) -> Results:
    """``x scale + shift`` of rows (R, D)."""
    wide = x.astype(np.float64)
    return {
        "y": at.rounded(at.rounded(wide * scale) + shift),
        "dx": at.rounded(dy * scale.astype(np.float64)),
        "dscale": at.total(at.rounded(dy * wide), (0,))[0],
        "dshift": at.total(dy.astype(np.float64), (0,))[0],
    }


def sample_scale(x: np.ndarray, factors: np.ndarray, dy: np.ndarray, at: Arithmetic) -> Results:
    """Rows (R, D), each times its factor."""
    wide = factors[:, None].astype(np.float64)
    return {"y": at.rounded(x * wide), "dx": at.rounded(dy * wide)}


def unit_rows(x: np.ndarray, lengths: np.ndarray, dy: np.ndarray, at: Arithmetic) -> Results:
    """``length x / |x|`` of rows (R, D) longer than 1e-12."""
    wide, last = x.astype(np.float64), (-1,)
    inverse = at.rounded(1 / np.sqrt(at.total(wide**2, last)))
    units = at.rounded(wide * inverse)
    along = at.total(units * dy, last)
    dx = at.rounded(at.rounded(lengths[:, None] * inverse) * at.rounded(dy - units * along))
    return {"y": at.rounded(units * lengths[:, None]), "dx": dx, "dlengths": along[:, 0]}


def kept(row_hashes: np.ndarray, columns: int, share: np.float32) -> np.ndarray:
    """Which numbers dropout keeps, bool (R, columns), in whole numbers of any size."""
    rows = row_hashes.astype(object)[:, None] + 2654435769 * np.arange(columns).astype(object)
    hashes = rows % 2**32
    for bits, factor in ((16, 2146121005), (15, 2221713035), (16, 1)):
        hashes = (hashes ^ (hashes // 2**bits)) * factor % 2**32
    return (hashes % 2**24).astype(np.float64) / 2**24 < share
