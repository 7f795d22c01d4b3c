"""Second-order pooling and its gradients in float64 NumPy: an independent derivation for tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

CENTRED_AXES = {"none": (), "scalar": (2, 3), "channel": (2,)}


def _centre(a: np.ndarray, centering: str) -> np.ndarray:
    """(B, H, N, d); its own adjoint."""
    axes = CENTRED_AXES[centering]
    return a - a.mean(axes, keepdims=True) if axes else a


def cross_covariance(heads: np.ndarray, pairs: Sequence[tuple[int, int]]) -> np.ndarray:
    """(B, H, N, d) -> (B, P, d, d)."""
    maps = [np.einsum("bnp,bnq->bpq", heads[:, i], heads[:, j]) for i, j in pairs]
    return np.stack(maps, 1) / heads.shape[2]


def cross_covariance_gradient(
    heads: np.ndarray, pairs: Sequence[tuple[int, int]], dmaps: np.ndarray
) -> np.ndarray:
    dheads = np.zeros_like(heads)
    for index, (i, j) in enumerate(pairs):
        dheads[:, i] += np.einsum("bnq,bpq->bnp", heads[:, j], dmaps[:, index])
        dheads[:, j] += np.einsum("bnp,bpq->bnq", heads[:, i], dmaps[:, index])
    return dheads / heads.shape[2]


class Pooled(NamedTuple):
    maps: np.ndarray
    norms: np.ndarray
    dtokens: np.ndarray
    dweight: np.ndarray
    dbias: np.ndarray


def moment_pooling(
    tokens: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray,
    pairs: Sequence[tuple[int, int]],
    split: str,
    centering: str,
    eps: np.ndarray,
    dmaps: np.ndarray,
) -> Pooled:
    """Forward and backward of the fused operator on (B, N, H d); eps of LayerNorm and columns."""
    norm_eps, column_eps = (float(e) for e in eps)
    tokens, weight, bias, dmaps = (a.astype(np.float64) for a in (tokens, weight, bias, dmaps))
    batch, count, width = tokens.shape
    d = weight.size
    if split == "contiguous":
        heads = tokens.reshape(batch, count, width // d, d).transpose(0, 2, 1, 3)  # (B, H, N, d)
    else:
        heads = tokens.reshape(batch, count, d, width // d).transpose(0, 3, 1, 2)  # (B, H, N, d)
    inverse_std = 1 / np.sqrt(heads.var(-1, keepdims=True) + norm_eps)
    standard = (heads - heads.mean(-1, keepdims=True)) * inverse_std
    prepared = _centre(standard * weight + bias, centering)
    covariances = cross_covariance(prepared, pairs)
    norms = np.sqrt((covariances**2).sum(2, keepdims=True))
    clamped = norms <= column_eps
    norms = np.where(clamped, column_eps, norms)
    maps = covariances / norms

    along = np.where(clamped, 0, (maps * dmaps).sum(2, keepdims=True))
    dcovariances = (dmaps - maps * along) / norms
    dprepared = _centre(cross_covariance_gradient(prepared, pairs, dcovariances), centering)
    g = dprepared * weight
    g = g - g.mean(-1, keepdims=True) - standard * (g * standard).mean(-1, keepdims=True)
    dheads = g * inverse_std
    to_tokens = (0, 2, 1, 3) if split == "contiguous" else (0, 2, 3, 1)
    return Pooled(
        maps,
        norms[:, :, 0],
        dheads.transpose(to_tokens).reshape(tokens.shape),  # (B, N, H d)
        (dprepared * standard).sum((0, 1, 2)),
        dprepared.sum((0, 1, 2)),
    )


def square_root_covariance(
    tokens: np.ndarray, steps: int, dtriangles: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Triangles and the gradient of (B, N, d), by the plain rules for products of matrices."""
    tokens = tokens.astype(np.float64)
    count, d = tokens.shape[1:]
    upper = np.triu_indices(d)
    centred = tokens - tokens.mean(1, keepdims=True)
    covariance = centred.transpose(0, 2, 1) @ centred / count
    trace = np.trace(covariance, axis1=1, axis2=2)[:, None, None]
    a = covariance / trace
    y, z = a, np.broadcast_to(np.eye(d), a.shape)
    tape = []
    for _ in range(steps):
        t = (3 * np.eye(d) - z @ y) / 2
        tape.append((y, z, t))
        y, z = y @ t, t @ z
    root = np.sqrt(trace) * y

    droot = np.zeros_like(a)
    droot[:, upper[0], upper[1]] = dtriangles
    dtrace = (droot * root).sum((1, 2), keepdims=True) / (2 * trace)
    dy, dz = np.sqrt(trace) * droot, np.zeros_like(a)
    for y, z, t in reversed(tape):
        y, z, t = (m.transpose(0, 2, 1) for m in (y, z, t))
        dproduct = -(y @ dy + dz @ z) / 2
        dy, dz = dy @ t + z @ dproduct, t @ dz + dproduct @ y
    dcovariance = dy / trace + (dtrace - (dy * a).sum((1, 2), keepdims=True) / trace) * np.eye(d)
    dtokens = centred @ (dcovariance + dcovariance.transpose(0, 2, 1)) / count
    return root[:, upper[0], upper[1]], dtokens - dtokens.mean(1, keepdims=True)
