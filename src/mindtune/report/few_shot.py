"""Accuracy of few-shot episodes, with the intervals of their means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mindtune.report.axis import linear_axis
from mindtune.report.run_files import RunFiles
from mindtune.report.section import Section


@dataclass(frozen=True)
class Episodes:
    """Means of a classifier and number of shots, percent; ``low`` to ``high`` is the interval.

    Places (``_share``) are shares of the width that is drawn.
    """

    about: str
    rows: list[dict[str, Any]]
    ticks: list[tuple[float, float]]


def few_shot(run: RunFiles) -> list[Section]:
    """Of every ``--protocol few_shot``."""
    return [
        _section(name, found)
        for name, found in run.evaluations.items()
        if found.get("protocol") == "few_shot"
    ]


def _section(name: str, found: dict[str, Any]) -> Section:
    asked, metrics = found["few_shot"], found["metrics"]
    rows = []
    for classifier in asked["classifiers"]:
        for shot in asked["shots"]:
            key = f"{classifier}_{shot}shot"
            mean, interval = metrics[key], metrics[f"{key}_interval"]
            rows.append({"classifier": classifier, "shot": shot, "mean": mean,
                         "interval": interval})  # fmt: skip
    ends = [row["mean"] + sign * row["interval"] for row in rows for sign in (-1, 1)]
    axis = linear_axis(ends)
    for row in rows:
        row["share"] = axis.share(row["mean"])
        row["low_share"] = axis.share(row["mean"] - row["interval"])
        row["high_share"] = axis.share(row["mean"] + row["interval"])
    queries = asked["queries"] or "all other"
    about = (
        f"{asked['episodes']:,} episodes of {asked['way']} classes, {queries} queries a class, "
        f"features {asked['features']}; the mean and its 95 % interval."
    )
    ticks = [(tick, axis.share(tick)) for tick in axis.ticks]
    title = f"Few-shot accuracy, {found['data']['name']} {found['split']}"
    return Section(title, "few_shot", Episodes(about, rows, ticks), name)
