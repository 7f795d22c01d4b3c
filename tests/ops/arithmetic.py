"""The arithmetic of the references: float64, or float64 with the rounding errors of float32."""

from __future__ import annotations

import numpy as np

UNIT = 2.0**-24  # half the distance of 1 to the next float32
_RUN = 256  # additions between which a float32 sum keeps its rounding errors to itself


class Arithmetic:
    """Float64. With ``seed``, each value computed moves at random as rounding would move it.

    The second form (Monte Carlo arithmetic) shows how far the roundings of float32 carry: what it
    moves much, no float32 program can be asked to hold.
    """

    def __init__(self, seed: int | None = None) -> None:
        self.rng = None if seed is None else np.random.default_rng(seed)

    def rounded(self, value: np.ndarray) -> np.ndarray:
        return self._moved(value, np.abs(value))

    def total(self, terms: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
        """Sum over ``axes``, which are kept."""
        total = terms.sum(axes, keepdims=True)
        count = terms.size // max(total.size, 1)
        return self.summed(total, (terms**2).sum(axes, keepdims=True), count)

    def mean(self, terms: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
        total = self.total(terms, axes)
        return self.rounded(total / (terms.size // max(total.size, 1)))

    def product(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Matrix product over the last two axes."""
        product = left @ right
        return product if self.rng is None else self.summed(
            product, left**2 @ right**2, left.shape[-1]
        )  # fmt: skip

    def summed(self, total: np.ndarray, squares: np.ndarray, count: int) -> np.ndarray:
        """``total`` as the sum of ``count`` terms, whose squares add up to ``squares``."""
        # Every partial sum is rounded, and the sizes of those grow up to the total's, or as the
        # root of the sum of squares where the terms cancel.
        steps = min(count, _RUN) ** 0.5
        return self._moved(total, steps * np.maximum(np.abs(total), np.sqrt(squares)))

    def _moved(self, value: np.ndarray, size: np.ndarray) -> np.ndarray:
        if self.rng is None:
            return value
        return value + UNIT * self.rng.standard_normal(np.shape(value)) * size
