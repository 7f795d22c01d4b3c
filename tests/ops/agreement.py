"""How far a float32 result may be from its float64 reference."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ops.arithmetic import Arithmetic

FORWARD = 1e-6
GRADIENT = 1e-5
_RUNS = 4
_SLACK = 8  # most of some thousand results are nearer than this times the farthest of the runs

Reference = Callable[[Arithmetic], dict[str, np.ndarray]]


def _distance(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(found - expected).max())


def _columns_are_lost(norms: np.ndarray, runs: list[dict[str, np.ndarray]]) -> bool:
    """Roundings change a column's norm by a tenth and more: nothing of it can be compared."""
    return any(bool((np.abs(run["norms"] - norms) > 0.1 * norms).any()) for run in runs)


def assert_agrees(found: dict[str, np.ndarray], reference: Reference) -> None:
    """Within 1e-6 (maps, triangles) and 1e-5 (gradients, named d...) of the largest entry.

    A result may be farther off only where the roundings of float32 alone move the reference by more
    than half of that, and then in proportion to how far they do.
    """
    exact = reference(Arithmetic())
    runs: list[dict[str, np.ndarray]] = []
    for name, values in found.items():
        assert np.isfinite(values).all(), name
        bound = GRADIENT if name.startswith("d") else FORWARD
        strict = bound * float(np.abs(exact[name]).max())
        distance = _distance(values, exact[name])
        if distance <= strict:
            continue
        runs = runs or [reference(Arithmetic(seed)) for seed in range(_RUNS)]
        if "norms" in exact and _columns_are_lost(exact["norms"], runs):
            continue
        moved = max(_distance(run[name], exact[name]) for run in runs)
        assert moved > strict / 2, f"{name}: off by {distance}, strict bound {strict}"
        assert distance <= _SLACK * moved, f"{name}: off by {distance}, roundings move it {moved}"
