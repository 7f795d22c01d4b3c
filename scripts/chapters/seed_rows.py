"""Tables of runs, a row for those that differ in their seed alone.

Folders are called ROW_seedN: those of one ROW make one row, a mean and a range.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from results_table import command, device_and_versions

from chapters.run import Run
from mindtune.errors import ConfigError


@dataclass(frozen=True)
class Row:
    """Runs that differ in their seed.

    Attributes:
        name: of their folders, without the seed.
        runs: in the order given.
    """

    name: str
    runs: list[Run]

    @property
    def first(self) -> Run:
        """The run that stands for what all have in common."""
        return self.runs[0]

    @property
    def trainable(self) -> str:
        """Parameters that train, head included."""
        return f"{self.first.result['parameters']['trainable']:,}"

    @property
    def seeds(self) -> str:
        """In the order of the runs."""
        return ", ".join(str(run.result["config"]["seed"]) for run in self.runs)

    @property
    def minutes(self) -> str:
        """Of one run, in the mean."""
        return f"{statistics.mean(run.result['seconds'] for run in self.runs) / 60:.1f}"

    def metric(self, name: str) -> list[float]:
        """A number of the final evaluation, by seed."""
        return [run.result["metrics"][name] for run in self.runs]


def rows_of(runs: Iterable[Run]) -> list[Row]:
    """Runs by the name of their folders before the seed, in the order of the first of each.

    Raises:
        ConfigError: a folder without a seed in its name.
    """
    rows: dict[str, Row] = {}
    for run in runs:
        match = re.fullmatch(r"(.+)_seed\d+", run.name)
        if match is None:
            raise ConfigError(
                f"run folder: got {run.name}, expected a name that ends in _seed and digits; "
                "rename it"
            )
        rows.setdefault(match[1], Row(match[1], [])).runs.append(run)
    return list(rows.values())


def mean_and_range(values: Sequence[float]) -> str:
    """``68.66 (67.90 to 69.10)``; without brackets where all are the same."""
    mean, low, high = (
        f"{value:.2f}" for value in (statistics.mean(values), min(values), max(values))
    )
    return mean if low == high else f"{mean} ({low} to {high})"


def table(headings: Sequence[str], cells: Iterable[Sequence[str]]) -> str:
    """Markdown, all but the first column to the right."""
    rule = ["---", *["--:"] * (len(headings) - 1)]
    return "\n".join(f"| {' | '.join(line)} |" for line in (headings, rule, *cells))


def how_it_was_made(rows: Sequence[Row]) -> list[str]:
    """Paragraphs with the command of each row, and what the runs were computed with."""
    machines = {device_and_versions(run): None for row in rows for run in row.runs}
    return [
        "Of each row the command of the first seed; the others differ in `--seed` and `--out`:",
        "\n".join(["```", *(command(row.first) for row in rows), "```"]),
        "\n".join(f"- {machine}" for machine in machines),
    ]
