"""Times of calls that take turns, so that a busy spell of the machine falls on all of them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

TURN_SECONDS = 0.05
MOST_CALLS_A_TURN = 10

Call = Callable[[], object]


@dataclass(frozen=True)
class Times:
    """Seconds a call."""

    median: float
    minimum: float
    calls: int


def seconds(call: Call) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def alternate(calls: dict[str, Call], turns: int) -> dict[str, Times]:
    """Every call takes ``turns`` turns; another begins each time.

    Of each turn the first call is not counted: it finds the caches full of another's data, and
    the other's threads, which wait for more work for a while, still on the cores.
    """
    samples: dict[str, list[float]] = {name: [] for name in calls}
    names = list(calls)
    for turn in range(turns):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            once = max(seconds(calls[name]), 1e-6)
            count = min(max(int(TURN_SECONDS / once), 1), MOST_CALLS_A_TURN)
            samples[name] += [seconds(calls[name]) for _ in range(count)]
    return {
        name: Times(statistics.median(values), min(values), len(values))
        for name, values in samples.items()
    }
