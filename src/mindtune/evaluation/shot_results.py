"""Accuracies by method, number of shots and seed, and the tables made of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Scores:
    """Top-1 of one classifier, percent, and what was chosen for it on the validation images."""

    val: float
    test: float
    chosen: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class ShotResults:
    """Scores by (method, shots, seed), of all three in every combination.

    Attributes:
        data: name of the data set.
        split: that is reported.
        scores: in the order of the options.
    """

    data: str
    split: str
    scores: dict[tuple[str, int, int], Scores]

    def values(self, method: str, purpose: str = "test") -> np.ndarray:
        """Top-1 of one method, percent, (shots, seeds)."""
        shots = list(dict.fromkeys(shot for _, shot, _ in self.scores))
        seeds = list(dict.fromkeys(seed for _, _, seed in self.scores))
        return np.array(
            [[getattr(self.scores[method, k, seed], purpose) for seed in seeds] for k in shots]
        )

    def summary(self) -> dict[tuple[str, int], tuple[float, float]]:
        """Mean and unbiased deviation (0 of one seed) over the seeds, by method and shots."""
        found = {}
        for method, shots in dict.fromkeys((name, shot) for name, shot, _ in self.scores):
            values = [s.test for (m, k, _), s in self.scores.items() if (m, k) == (method, shots)]
            spread = float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
            found[method, shots] = (float(np.mean(values)), spread)
        return found

    def metrics(self) -> dict[str, float]:
        """The summary as flat names."""
        found = {}
        for (method, shots), (mean, spread) in self.summary().items():
            found[f"{method}_{shots}shot"] = mean
            found[f"{method}_{shots}shot_std"] = spread
        return found

    def rows(self) -> list[dict[str, Any]]:
        """One row a combination, plain."""
        return [
            {
                "data": self.data, "method": method, "shots": shots, "seed": seed,
                "val_top1": scores.val, "top1": scores.test, **dict(scores.chosen),
            }
            for (method, shots, seed), scores in self.scores.items()
        ]  # fmt: skip

    def csv(self) -> str:
        """The rows; what a method did not choose is empty."""
        rows = self.rows()
        text = io.StringIO()
        names = list(dict.fromkeys(key for row in rows for key in row))
        writer = csv.DictWriter(text, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return text.getvalue()

    def cells(self) -> Iterator[list[str]]:
        """The heading, then a row a method: mean and deviation by number of shots."""
        summary = self.summary()
        shots = list(dict.fromkeys(shot for _, shot in summary))
        yield [f"{self.data} {self.split}, top-1 (%)", *(f"{shot}-shot" for shot in shots)]
        for method in dict.fromkeys(name for name, _ in summary):
            pairs = [summary[method, shot] for shot in shots]
            yield [method, *(f"{mean:.2f} ± {spread:.2f}" for mean, spread in pairs)]

    def markdown(self) -> str:
        """The cells as a table."""
        heading, *rows = self.cells()
        rule = ["---", *["--:"] * (len(heading) - 1)]
        return "".join(f"| {' | '.join(cells)} |\n" for cells in (heading, rule, *rows))
