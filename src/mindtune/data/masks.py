"""Which patches of a crop the student does not see (iBOT; SMKD's specification, section 5)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mindtune.errors import ConfigError, check_option

SHAPES = ("block", "rand")
_TRIES = 10
_LONGEST_ASPECT = 1 / 0.3
_SPARE_DEVIATIONS = 6.0


@dataclass(frozen=True)
class MaskSampler:
    """Random masks of a grid of patches.

    For each crop one of ``ratios`` is chosen, then a share of masked patches uniformly from
    ``ratio - variation`` to ``ratio + variation``. ``block`` covers it by rectangles whose aspect
    ratio's logarithm is uniform, and stays below it where none fits any more; ``rand`` takes single
    patches.

    Attributes:
        grid: rows and columns.
        shape: one of ``SHAPES``.
        ratios: centres of the shares, such as (0, 0.3).
        variations: as many half widths, such as (0, 0.2).

    Raises:
        ConfigError: an unknown shape, lists of different lengths, or shares outside 0 to 1.
    """

    grid: tuple[int, int]
    shape: str = "block"
    ratios: Sequence[float] = (0.0, 0.3)
    variations: Sequence[float] = (0.0, 0.2)

    def __post_init__(self) -> None:
        check_option("masks.shape", self.shape, SHAPES)
        if len(self.ratios) != len(self.variations) or not self.ratios:
            raise ConfigError(
                f"masks.variations: got {len(self.variations)} values, expected one for each of "
                f"the {len(self.ratios)} masks.ratios"
            )
        ends = [r + s * v for r, v in zip(self.ratios, self.variations) for s in (-1, 1)]
        if min(ends) < 0 or max(ends) >= 1:
            raise ConfigError(
                f"masks.ratios: got shares from {min(ends):g} to {max(ends):g}, expected "
                "0 <= share < 1"
            )

    def __call__(self, rng: np.random.Generator) -> np.ndarray:
        """One mask, bool (rows, columns)."""
        chosen = int(rng.integers(len(self.ratios)))
        ratio, variation = self.ratios[chosen], self.variations[chosen]
        target = rng.uniform(ratio - variation, ratio + variation) * math.prod(self.grid)
        return self._single(target, rng) if self.shape == "rand" else self._blocks(target, rng)

    def capacity(self, crops: int) -> int:
        """Masked patches that a batch of ``crops`` masks has room for.

        As many as there can be, or six standard deviations above the mean where that is less: then
        one batch in 10^9 does not fit, and its masks are drawn again.
        """
        ratios, widths = np.array(self.ratios), np.array(self.variations)
        patches = math.prod(self.grid)
        mean = patches * ratios.mean()
        variance = patches**2 * np.mean(ratios**2 + widths**2 / 3) - mean**2
        likely = crops * mean + _SPARE_DEVIATIONS * math.sqrt(crops * variance)
        most = crops * math.floor(patches * np.max(ratios + widths))
        return max(1, min(most, math.ceil(likely)))

    def _single(self, target: float, rng: np.random.Generator) -> np.ndarray:
        mask = np.zeros(math.prod(self.grid), bool)
        mask[rng.permutation(mask.size)[: int(target)]] = True
        return mask.reshape(self.grid)

    def _blocks(self, target: float, rng: np.random.Generator) -> np.ndarray:
        mask = np.zeros(self.grid, bool)
        count, added = 0, 1
        while count < target and added > 0:
            added = self._add_block(mask, target - count, rng)
            count += added
        return mask

    def _add_block(self, mask: np.ndarray, room: float, rng: np.random.Generator) -> int:
        """Cover a rectangle that hides 1 to ``room`` more patches; how many it hides."""
        rows, columns = self.grid
        smallest = (min(self.grid) // 3) ** 2
        for _ in range(_TRIES):
            area = smallest + (room - smallest) * rng.random()  # the ends may stand in any order
            aspect = math.exp(rng.uniform(-1, 1) * math.log(_LONGEST_ASPECT))
            height, width = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if height >= rows or width >= columns:
                continue
            top = int(rng.integers(rows - height + 1))
            left = int(rng.integers(columns - width + 1))
            block = mask[top : top + height, left : left + width]
            fresh = block.size - int(np.count_nonzero(block))
            if 0 < fresh <= room:
                block[:] = True
                return fresh
        return 0


def masked_rows(masks: np.ndarray, capacity: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers and weights of the masked patches of ``masks`` (M, N), filled up with weight 0.

    Returns:
        int32 (capacity,): ``crop * N + patch``; float32 (capacity,): one over M times the masked
        patches of the crop, so that the weighted sum is a mean over crops of means over patches.
    """
    rows = np.flatnonzero(masks)
    crops, patches = masks.shape
    weights = 1.0 / (crops * masks.sum(1)[rows // patches])
    padding = (0, capacity - len(rows))
    return np.pad(rows, padding).astype(np.int32), np.pad(weights, padding).astype(np.float32)
