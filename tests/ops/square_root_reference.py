"""iSQRT-COV in float64 NumPy, forward and backward by hand: an independent derivation."""

from __future__ import annotations

import numpy as np

from ops.arithmetic import Arithmetic


def _across(a: np.ndarray) -> np.ndarray:
    return np.swapaxes(a, -1, -2)


class SquareRootReference:
    """(B, N, d) -> upper triangles (B, d (d + 1) / 2), by the coupled form of the iteration.

    Nothing here knows that the matrices are symmetric, which the kernels make use of.
    """

    def __init__(self, steps: int, arithmetic: Arithmetic | None = None) -> None:
        self.steps = steps
        self.at = arithmetic or Arithmetic()

    def forward(self, tokens: np.ndarray) -> np.ndarray:
        at, x = self.at, tokens.astype(np.float64)
        _, self.count, dim = x.shape
        self.identity = np.eye(dim)
        self.centred = at.rounded(x - at.mean(x, (1,)))
        covariance = at.product(_across(self.centred), self.centred) / self.count
        self.trace = at.total(covariance * self.identity, (1, 2))
        self.normalised = y = at.rounded(covariance / self.trace)
        z = np.broadcast_to(self.identity, y.shape)
        self.tape = []
        for _ in range(self.steps):
            t = at.rounded(1.5 * self.identity - at.product(z, y) / 2)
            self.tape.append((y, z, t))
            y, z = at.product(y, t), at.product(t, z)
        self.last = y
        self.triangle = (slice(None), *np.triu_indices(dim))
        return at.rounded(np.sqrt(self.trace) * y)[self.triangle]

    def backward(self, dtriangles: np.ndarray) -> np.ndarray:
        at, root = self.at, np.sqrt(self.trace)
        droot = np.zeros_like(self.last)
        droot[self.triangle] = dtriangles
        dtrace = at.total(droot * self.last, (1, 2)) / (2 * root)
        dy, dz = root * droot, np.zeros_like(droot)
        for y, z, t in reversed(self.tape):
            dm = -at.rounded(at.product(_across(y), dy) + at.product(dz, _across(z))) / 2
            dy, dz = (
                at.rounded(at.product(dy, _across(t)) + at.product(_across(z), dm)),
                at.rounded(at.product(_across(t), dz) + at.product(dm, _across(y))),
            )
        along = at.total(dy * self.normalised, (1, 2))
        dcovariance = dy / self.trace + (dtrace - along / self.trace) * self.identity
        symmetric = at.rounded(dcovariance + _across(dcovariance))
        dx = at.product(self.centred, symmetric) / self.count
        return at.rounded(dx - at.mean(dx, (1,)))
