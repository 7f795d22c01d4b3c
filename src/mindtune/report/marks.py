"""Shapes of points, so that lines and classes differ without colour too."""

from __future__ import annotations

_MARKS = (  # parts of an SVG path around its present place, about six units wide
    "m-3,0a3,3 0 1,0 6,0a3,3 0 1,0 -6,0z",  # disc
    "m-2.7,-2.7h5.4v5.4h-5.4z",  # square
    "m0,-3.5l3.4,6h-6.8z",  # triangle
    "m0,-3.9l3.9,3.9l-3.9,3.9l-3.9,-3.9z",  # diamond
    "m0,3.5l3.4,-6h-6.8z",  # triangle on its tip
    "m-1,-3.5h2v2.5h2.5v2h-2.5v2.5h-2v-2.5h-2.5v-2h2.5z",  # plus
    "m-3.5,-1.4h7v2.8h-7z",  # lying bar
    "m-1.4,-3.5h2.8v7h-2.8z",  # standing bar
    "m-3.2,-3.2l6.4,0l-6.4,6.4z",  # corner
    "m3.2,3.2l-6.4,0l6.4,-6.4z",  # other corner
)


def mark_of(number: int) -> str:
    """The shape of number ``number``, counted from 0; they come again after ten."""
    return _MARKS[number % len(_MARKS)]
