"""Lines over updates or another number, one or several in a chart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mindtune.report.axis import Axis, linear_axis, logarithmic_axis, number_text
from mindtune.report.marks import mark_of

WIDTH, HEIGHT = 400, 230  # of the drawing, in its own units
LEFT, RIGHT, TOP, BOTTOM = 54, 18, 10, 36  # of it around the lines
_MOST_POINTS = 300  # a line
_MOST_MARKS = 30

Point = tuple[float, float]


@dataclass(frozen=True)
class Series:
    """Numbers to draw: points (x, y) in the order of x."""

    name: str
    points: Sequence[Point]


@dataclass(frozen=True)
class Line:
    """A series in the units of the drawing.

    Attributes:
        number: chooses colour, dashes and marks, which differ between the lines of a chart.
        path: of an SVG ``polyline``.
        marks: of an SVG ``path`` around its points, where they are few enough to be marked.
        mark: of another around the origin, for the legend.
        last: its last value as text.
    """

    name: str
    number: int
    path: str
    marks: str
    mark: str
    last: str


@dataclass(frozen=True)
class LineChart:
    """What the template needs: places are in units of the drawing."""

    title: str
    x_label: str
    y_label: str
    lines: tuple[Line, ...]
    x_ticks: tuple[tuple[float, str], ...]
    y_ticks: tuple[tuple[float, str], ...]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    top: int = TOP
    bottom: int = HEIGHT - BOTTOM


def line_chart(
    title: str,
    series: Sequence[Series],
    x_label: str = "updates",
    y_label: str = "",
    start: float | None = None,
    x_start: float | None = 0,
    logarithmic: bool = False,
) -> LineChart | None:
    """A chart of those of ``series`` that have finite points; None where none has.

    Lines of more than 300 points are drawn through the means of neighbours.

    Args:
        title: what is drawn.
        series: lines; their place in the sequence chooses how they look.
        x_label, y_label: units.
        start: where the y axis begins; None: near the smallest number.
        x_start: the same of a linear x axis.
        logarithmic: the x axis, each of whose numbers gets a tick.
    """
    finite = [Series(one.name, _finite(one.points)) for one in series]
    points = [point for one in finite for point in one.points]
    if not points:
        return None
    numbers = [x for x, _ in points]
    x_axis = logarithmic_axis(numbers) if logarithmic else linear_axis(numbers, x_start)
    y_axis = linear_axis([y for _, y in points], start)
    lines = [_line(one, number, x_axis, y_axis) for number, one in enumerate(finite) if one.points]
    return LineChart(
        title,
        x_label,
        y_label,
        tuple(lines),
        tuple((_right(x_axis, tick), number_text(tick)) for tick in x_axis.ticks),
        tuple((_down(y_axis, tick), number_text(tick)) for tick in y_axis.ticks),
    )


def thin(points: Sequence[Point], most: int = _MOST_POINTS) -> list[Point]:
    """At most ``most`` points: the means of as many runs of neighbours."""
    size = math.ceil(len(points) / most)
    groups = [points[first : first + size] for first in range(0, len(points), size or 1)]
    return [
        (sum(x for x, _ in group) / len(group), sum(y for _, y in group) / len(group))
        for group in groups
    ]


def _finite(points: Sequence[Point]) -> list[Point]:
    return [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]


def _line(series: Series, number: int, x_axis: Axis, y_axis: Axis) -> Line:
    places = [(_right(x_axis, x), _down(y_axis, y)) for x, y in thin(series.points)]
    path = " ".join(f"{x:g},{y:g}" for x, y in places)
    shape = mark_of(number)
    few = len(places) <= _MOST_MARKS
    marks = "".join(f"M{x:g},{y:g}{shape}" for x, y in places) if few else ""
    mark = f"M0,0{shape}" if few else ""
    return Line(series.name, number, path, marks, mark, number_text(series.points[-1][1]))


def _right(axis: Axis, value: float) -> float:
    return round(LEFT + axis.share(value) * (WIDTH - LEFT - RIGHT), 1)


def _down(axis: Axis, value: float) -> float:
    return round(HEIGHT - BOTTOM - axis.share(value) * (HEIGHT - BOTTOM - TOP), 1)
