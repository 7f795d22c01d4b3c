"""Where numbers lie along an axis, and which of them are written beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_TICKS = 5  # about so many


@dataclass(frozen=True)
class Axis:
    """From ``low`` to ``high``, both among what is drawn; ``ticks`` lie between them."""

    low: float
    high: float
    ticks: tuple[float, ...]
    logarithmic: bool = False

    def share(self, value: float) -> float:
        """How far along the axis ``value`` lies; 0 is its start and 1 its end."""
        low, high = self.low, self.high
        if self.logarithmic:
            low, high, value = math.log(low), math.log(high), math.log(value)
        return (value - low) / (high - low)


def linear_axis(values: Sequence[float], start: float | None = None) -> Axis:
    """Of round ends around finite ``values``; it starts at ``start`` where that is given."""
    low = min(values) if start is None else start
    high = max(values)
    if high <= low:
        high = low + (abs(low) or 1.0)
    step = _round_step((high - low) / _TICKS)
    first = math.floor(low / step + 1e-9)
    last = math.ceil(high / step - 1e-9)
    ticks = tuple(number * step for number in range(first, last + 1))
    return Axis(ticks[0], ticks[-1], ticks)


def logarithmic_axis(values: Sequence[float]) -> Axis:
    """Of ``values`` above 0, each of which gets a tick: for few of them, such as numbers of k."""
    ticks = tuple(sorted(set(values)))
    low, high = ticks[0], ticks[-1]
    return Axis(low, high if high > low else 2 * low, ticks, logarithmic=True)


def number_text(value: float) -> str:
    """A number as short as an axis wants it: 12k, 0.05, 1e-06."""
    size = abs(value)
    if size < 1e-12:
        return "0"
    if size >= 1e6:
        return f"{value / 1e6:.4g}M"
    if size >= 1e4:
        return f"{value / 1e3:.4g}k"
    return f"{value:.4g}"


def _round_step(step: float) -> float:
    """1, 2 or 5 times a power of ten, at least ``step``."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * (1 - 1e-9))
