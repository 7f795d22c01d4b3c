"""Where the heads of a transformer look, layer by layer."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from mindtune.report.line_chart import LineChart, Series, line_chart
from mindtune.report.run_files import RunFiles
from mindtune.report.section import Section


@dataclass(frozen=True)
class Diagnosis:
    """Charts, and the picture of the loss landscape as a ``data:`` URI where there is one."""

    charts: list[LineChart | None]
    landscape: str | None


def diagnosis(run: RunFiles) -> list[Section]:
    """Of every ``--protocol diagnose``."""
    return [
        _section(run, name, found)
        for name, found in run.evaluations.items()
        if found.get("protocol") == "diagnose"
    ]


def _section(run: RunFiles, name: str, found: dict[str, Any]) -> Section:
    attention = found["attention"]
    distances = attention["distance"]  # (L, H)
    of_heads = [
        Series(label, [(layer, pick(heads)) for layer, heads in enumerate(distances, start=1)])
        for label, pick in (("mean of heads", _mean), ("nearest head", min), ("farthest head", max))
    ]
    similar = list(enumerate(attention["mean_similarity"], start=1))
    charts = [
        line_chart("Attention distance", of_heads, "layer", "pixels", start=0, x_start=1),
        line_chart("Similarity of heads", [Series("cosine", similar)], "layer", start=0, x_start=1),
    ]
    picture = run.folder / f"eval_{name}_landscape.png"
    landscape = None
    if picture.is_file():
        landscape = f"data:image/png;base64,{base64.b64encode(picture.read_bytes()).decode()}"
    title = f"Where the heads look, {found['split']}"
    return Section(title, "diagnosis", Diagnosis(charts, landscape), name)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
