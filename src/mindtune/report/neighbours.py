"""k-NN accuracy, before and after tuning where both are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mindtune.report.line_chart import LineChart, Series, line_chart
from mindtune.report.run_files import RunFiles
from mindtune.report.section import Section


@dataclass(frozen=True)
class Neighbours:
    """``rows`` have k, after and, where it is known, before and change, all top-1 in percent."""

    about: str
    rows: list[dict[str, Any]]
    chart: LineChart | None


def neighbours(run: RunFiles) -> list[Section]:
    """Of the source data at the end of training, and of every ``--protocol knn``."""
    sections = []
    if "forgetting" in run.result:
        title = "What tuning forgot: k-NN accuracy on the source data"
        sections.append(_section(title, "forgetting", run.result["forgetting"]))
    for name, found in run.evaluations.items():
        if found.get("protocol") == "knn":
            title = f"k-NN accuracy, {found['data']['name']} {found['split']}"
            sections.append(_section(title, name, found))
    return sections


def _section(title: str, anchor: str, found: dict[str, Any]) -> Section:
    after, before = found["after"], found.get("before") or {}
    rows = [
        {
            "k": k,
            "after": value["top1"],
            "before": before.get(k, {}).get("top1"),
            "change": value["top1"] - before[k]["top1"] if k in before else None,
        }
        for k, value in after.items()
    ]
    series = [
        Series("after tuning", [(int(row["k"]), row["after"]) for row in rows]),
        Series("before tuning", [(int(row["k"]), row["before"]) for row in rows if before]),
    ]
    chart = line_chart("Top-1 by neighbours", series, "k (neighbours)", "%", logarithmic=True)
    about = (
        f"{found['images']:,} images of {found['data']['name']} {found['split']} among "
        f"{found['bank_images']:,} training images, by {found['space']}, temperature "
        f"{found['temperature']:g}."
    )
    return Section(title, "neighbours", Neighbours(about, rows, chart), anchor)
