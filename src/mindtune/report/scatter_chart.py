"""Points of several classes in a plane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mindtune.report.marks import mark_of

SIDE = 400  # of the drawing, in its own units
_MARGIN = 14


@dataclass(frozen=True)
class Cloud:
    """The points of a class.

    Attributes:
        number: chooses colour and mark.
        path: of one SVG ``path`` that draws all of them.
        mark: of another that draws one around the origin, for the legend.
        centre: where the name stands: the median of the points.
    """

    name: str
    number: int
    path: str
    mark: str
    centre: tuple[float, float]


@dataclass(frozen=True)
class ScatterChart:
    """What the template needs; places are in units of the drawing."""

    title: str
    clouds: tuple[Cloud, ...]
    side: int = SIDE


def scatter_chart(
    title: str, points: np.ndarray, labels: np.ndarray, names: Sequence[str]
) -> ScatterChart:
    """Of points (N, 2) whose classes are ``labels`` (N,), positions in ``names``.

    Both directions have the same scale.
    """
    low, high = points.min(0), points.max(0)
    extent = max(float((high - low).max()), 1e-12)
    middle = (low + high) / 2
    places = SIDE / 2 + (points - middle) / extent * (SIDE - 2 * _MARGIN)
    places[:, 1] = SIDE - places[:, 1]
    clouds = []
    for label in np.unique(labels):
        mark = mark_of(int(label))
        own = places[labels == label]
        path = "".join(f"M{x:.1f},{y:.1f}{mark}" for x, y in own)
        x, y = np.median(own, axis=0)
        centre = (round(float(x), 1), round(float(y), 1))
        clouds.append(Cloud(names[label], int(label), path, f"M0,0{mark}", centre))
    return ScatterChart(title, tuple(clouds))
