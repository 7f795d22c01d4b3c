"""A table of tuned teachers and students and a plot of how far heads look, in docs/results.md.

Kept runs called ROW_tuned_seedN make the table: those that differ in their seed alone one row of
it, a mean and a range. All runs that ``eval.py --protocol diagnose`` judged are drawn.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

import plots
from results_table import Run
from seed_rows import Row, how_it_was_made, mean_and_range, rows_of, table

from mindtune.errors import CheckpointError
from mindtune.evaluation.diagnosis_plots import require_plots

HEADINGS = ("row", "trainable", "top-1, %", "updates", "seeds", "minutes")
TUNED = "_tuned_"

Distances = dict[str, list[list[float]]]  # by run: its layers, their heads, pixels


def chapter(runs: Sequence[Run], plot: Path, link: str) -> str:
    """Markdown that shows the picture ``plot``, which it writes, as ``link``.

    Raises:
        ConfigError: a tuned run without a seed in its name.
        CheckpointError: no tuned run, or none that was diagnosed.
        UserError: matplotlib is not installed.
    """
    rows = rows_of(run for run in runs if TUNED in run.name)
    distances: Distances = {
        run.name: found["attention"]["distance"]
        for run in runs
        for found in run.evaluations("diagnose").values()
    }
    if not rows or not distances:
        raise CheckpointError(
            f"distillation: got {len(rows)} rows of tuned runs and {len(distances)} diagnosed "
            "ones, expected some of both"
        )
    draw(distances, plot)
    seen = [
        (name, f"{_mean_of_all(layers):.1f}", f"{statistics.mean(layers[-1]):.1f}")
        for name, layers in distances.items()
    ]
    parts = [
        explanation(rows[0].first),
        table(HEADINGS, map(cells_of, rows)),
        "Mean distance between a query's and a key's patch, weighted by the attention "
        "(docs/feature_distillation.md):",
        table(("network", "all layers, pixels", "last layer, pixels"), seen),
        f"![attention distance by layer]({link})",
        *how_it_was_made(rows),
    ]
    return "\n\n".join(parts) + "\n"


def _mean_of_all(layers: Sequence[Sequence[float]]) -> float:
    return statistics.mean(distance for heads in layers for distance in heads)


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


def draw(distances: Distances, file: Path) -> None:
    """Attention distance by layer: a mark a head, a line through the means of a network."""
    pyplot = require_plots("the plot: is drawn")
    figure, axes = pyplot.subplots(figsize=(7, 4.5), layout="constrained")
    for number, (name, layers) in enumerate(distances.items()):
        places = range(1, len(layers) + 1)
        means = [statistics.mean(heads) for heads in layers]
        axes.plot(places, means, color=f"C{number}", label=name)
        axes.plot(places, layers, "o", color=f"C{number}", alpha=0.5, markersize=4)
    axes.set(xlabel="layer", ylabel="attention distance, pixels", ylim=(0, None))
    axes.legend()
    plots.save(pyplot, figure, file)
