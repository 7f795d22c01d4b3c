"""The figures that a reader wants first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mindtune.report.run_files import RunFiles

_UNITS = {"top1": "%", "top5": "%", "knn": "%"}
_NAMES = {"top1": "top-1", "top5": "top-5", "knn": "k-NN top-1", "loss": "loss"}


@dataclass(frozen=True)
class Figure:
    """``value`` with its unit, called ``name``; ``note`` says of what."""

    name: str
    value: str
    note: str = ""


def summary(run: RunFiles) -> list[Figure]:
    """Accuracy, best checkpoint, parameters, time, speed, memory: those that are known."""
    result = run.result
    figures = [
        Figure(_NAMES.get(key, key), _with_unit(key, value), result.get("split", ""))
        for key, value in result.get("metrics", {}).items()
        if isinstance(value, float)
    ]
    return [*figures, *_best(result), *_size(result), *_cost(run)]


def _best(result: dict[str, Any]) -> list[Figure]:
    chosen = result.get("selection", {})
    metric = chosen.get("metric", "top1")
    if chosen.get(metric) is None:
        return []
    when = f"epoch {chosen['epoch']}, update {chosen.get('step', '?')}"
    name = f"best {_NAMES.get(metric, metric)} on {chosen['split']}"
    return [Figure(name, _with_unit(metric, chosen[metric]), when)]


def _size(result: dict[str, Any]) -> list[Figure]:
    counts = result.get("parameters")
    if counts is None:
        return []
    share = 100 * counts["trainable"] / max(counts["total"], 1)
    note = f"{share:.2f} % of {counts['total']:,}"
    return [Figure("trainable parameters", f"{counts['trainable']:,}", note)]


def _cost(run: RunFiles) -> list[Figure]:
    result, figures = run.result, []
    if "seconds" in result:
        updates = f"{result['updates']:,} updates" if "updates" in result else ""
        figures.append(Figure("time", duration(result["seconds"]), updates))
    speeds = sorted(record["images_per_second"] for record in run.rounds())
    if speeds:
        figures.append(
            Figure("throughput", f"{speeds[len(speeds) // 2]:,.0f} images/s", "median of rounds")
        )
    if "peak_memory_mb" in result:
        megabytes = f"{result['peak_memory_mb']:,.0f} MiB"
        figures.append(Figure("peak memory", megabytes, "main memory of rank 0"))
    return figures


def duration(seconds: float) -> str:
    """As 1 h 02 min, 3 min 05 s or 12.3 s."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def _with_unit(key: str, value: float) -> str:
    return f"{value:.2f} %" if key in _UNITS else f"{value:.4f}"
