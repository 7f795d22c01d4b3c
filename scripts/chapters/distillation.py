"""Tuned teachers and students, and how far the heads of networks look: a table and a plot.

Runs of one ROW are called ROW_seedN: they differ in their seed alone. Those that end in ``_tuned``
are in the table; those that ``eval.py --protocol diagnose`` has judged are in the plot.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from types import ModuleType
from typing import Any

from chapters.pictures import Pictures
from chapters.run import Run
from chapters.seed_rows import Row, how_it_was_made, mean_and_range, rows_of, table
from mindtune.errors import CheckpointError

HEADINGS = ("row", "trainable", "top-1, %", "updates", "seeds", "minutes")
TUNED = "_tuned_seed"
MARKS = "osv^D"  # networks can be told apart without colour

Distances = dict[str, list[list[float]]]  # by network: its layers, their heads, pixels


def chapter(runs: Sequence[Run], pictures: Pictures) -> str:
    """Markdown.

    Raises:
        ConfigError: a tuned run without a seed in its name.
        CheckpointError: no run is tuned, none is judged, or one is not finished.
        UserError: matplotlib is not installed.
    """
    rows = rows_of(run for run in runs if TUNED in run.name)
    distances = {run.name: distances_of(run) for run in runs if run.evaluations("diagnose")}
    if not rows or not distances:
        raise CheckpointError(
            f"distillation: got {len(rows)} rows and {len(distances)} diagnosed runs, expected "
            f"runs called ROW{TUNED}N and some judged by eval.py --protocol diagnose"
        )
    seen = [(name, mean_of(*layers), mean_of(layers[-1])) for name, layers in distances.items()]
    parts = [
        explanation(rows[0].first),
        table(HEADINGS, map(cells_of, rows)),
        "Mean distance between a query's and a key's patch, weighted by the attention, over all "
        "heads (docs/feature_distillation.md):",
        table(("network", "all layers, pixels", "last layer, pixels"), seen),
        pictures.draw(
            "distillation", "attention distance by layer", lambda pyplot: paint(pyplot, distances)
        ),
        *how_it_was_made(rows),
    ]
    return "\n\n".join(parts)


def distances_of(run: Run) -> list[list[float]]:
    """Mean attention distance of every head, by layer.

    Raises:
        CheckpointError: the run was judged on several splits.
    """
    judged = list(run.evaluations("diagnose").values())
    if len(judged) != 1:
        raise CheckpointError(
            f"{run.name}: got {len(judged)} diagnoses, expected one; remove the others"
        )
    found: list[list[float]] = judged[0]["attention"]["distance"]
    return found


def mean_of(*layers: Sequence[float]) -> str:
    """Over the heads of the layers, pixels."""
    return f"{statistics.mean(map(statistics.mean, layers)):.1f}"


def explanation(run: Run) -> str:
    """What the accuracies are of."""
    result = run.result
    classes = result["config"]["data"]["classes"]
    of = "all classes" if classes is None else ", ".join(map(str, classes))
    return (
        f"Top-1 on {result['metrics']['images']:,} {result['split']} images of {of}, by the "
        f"checkpoint chosen on {result['selection']['split']}.\nMean over the seeds and, in "
        "brackets, the lowest and the highest."
    )


def cells_of(row: Row) -> list[str]:
    """The cells of one row, in the order of ``HEADINGS``."""
    updates = f"{row.first.result['updates']:,}"
    accuracy = mean_and_range(row.metric("top1"))
    return [row.name, row.trainable, accuracy, updates, row.seeds, row.minutes]


def paint(pyplot: ModuleType, distances: Distances) -> Any:
    """Attention distance by layer: a mark a head, a line through the means of a network."""
    figure, axes = pyplot.subplots(figsize=(7, 4.5), layout="constrained")
    for number, (name, layers) in enumerate(distances.items()):
        numbers = range(1, len(layers) + 1)
        means = [statistics.mean(heads) for heads in layers]
        mark = MARKS[number % len(MARKS)]
        axes.plot(numbers, means, marker=mark, color=f"C{number}", label=name)
        axes.plot(numbers, layers, mark, color=f"C{number}", alpha=0.4, markersize=4)
        axes.set_xticks(numbers)
    axes.set(xlabel="layer", ylabel="attention distance, pixels")
    axes.legend()
    return figure
