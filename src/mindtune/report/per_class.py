"""Accuracy class by class."""

from __future__ import annotations

from dataclasses import dataclass

from mindtune.report.run_files import Judged, Row
from mindtune.report.section import Section

_ALL = 30  # as many classes are drawn; of more, the worst
_WORST = 20
_BEST = 5


@dataclass(frozen=True)
class Bar:
    """A class; ``percent`` of its ``images`` are right."""

    name: str
    percent: float
    images: int


@dataclass(frozen=True)
class PerClass:
    """Bars in the order of the page.

    Attributes:
        shown: all classes, or the worst of many, worst first.
        best: of many classes, best first.
        rest: of many classes, all in the order of labels.
    """

    shown: list[Bar]
    best: list[Bar]
    rest: list[Bar]


def per_class(judged: Judged) -> Section | None:
    """Of the classes that have images."""
    bars = [_bar(row) for row in judged.classes if int(row["images"]) > 0]
    if not bars:
        return None
    title, anchor = f"Accuracy of each class, {judged.name}", f"per_class_{judged.name}"
    if len(bars) <= _ALL:
        return Section(title, "per_class", PerClass(bars, [], []), anchor)
    by_accuracy = sorted(bars, key=lambda bar: bar.percent)
    content = PerClass(by_accuracy[:_WORST], by_accuracy[: -_BEST - 1 : -1], bars)
    return Section(title, "per_class", content, anchor)


def _bar(row: Row) -> Bar:
    return Bar(row["name"], float(row["top1"]), int(row["images"]))
