"""What tunings learn and what they forget, a table and a plot.

Runs of one ROW are called ROW_seedN: they differ in their seed alone. All of them measured
forgetting (docs/knn.md).
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

HEADINGS = (
    "row", "trainable", "target top-1, %", "source k-NN before, %", "source k-NN after, %",
    "change", "seeds", "minutes",
)  # fmt: skip


def chapter(runs: Sequence[Run], pictures: Pictures) -> str:
    """Markdown.

    Raises:
        ConfigError: a run without a seed in its name.
        CheckpointError: a run that is not finished or did not measure forgetting.
        UserError: matplotlib is not installed.
    """
    rows = rows_of(runs)
    parts = [
        explanation(rows[0].first),
        table(HEADINGS, map(cells_of, rows)),
        pictures.draw(
            "forgetting",
            "target accuracy against source accuracy",
            lambda pyplot: paint(pyplot, rows),
        ),
        *how_it_was_made(rows),
    ]
    return "\n\n".join(parts)


def forgetting_of(run: Run) -> dict[str, Any]:
    """What the run says of its source data. Raises ``CheckpointError`` where it says nothing."""
    found = run.result.get("forgetting")
    if not found or found["before"] is None:
        raise CheckpointError(
            f"{run.name}: got a run that did not measure forgetting before and after, expected one "
            "trained with --forgetting.name; train it again"
        )
    return found


def source(row: Row, when: str) -> list[float]:
    """k-NN top-1 on the source classes ``before`` or ``after`` tuning, by seed."""
    found = [forgetting_of(run) for run in row.runs]
    return [one[when][str(one["k"])]["top1"] for one in found]


def change(row: Row) -> list[float]:
    """Points gained on the source, by seed."""
    return [after - before for before, after in zip(source(row, "before"), source(row, "after"))]


def explanation(run: Run) -> str:
    """What is measured, in words, with the sizes."""
    result, judged = run.result, forgetting_of(run)
    classes = [result["config"]["data"]["classes"], judged["data"]["classes"]]
    target_classes, source_classes = (
        "all classes" if names is None else ", ".join(map(str, names)) for names in classes
    )
    return (
        f"Target: top-1 on {result['metrics']['images']:,} {result['split']} images of "
        f"{target_classes}, by the checkpoint chosen on {result['selection']['split']}.\n"
        f"Source: k-NN top-1 (k = {judged['k']}, temperature {judged['temperature']}) on "
        f"{judged['images']:,} {judged['split']} images of {source_classes} among "
        f"{judged['bank_images']:,} training images, by the backbone's features before and after "
        "tuning.\nMean over the seeds and, in brackets, the lowest and the highest."
    )


def cells_of(row: Row) -> list[str]:
    """The cells of one row, in the order of ``HEADINGS``."""
    return [
        row.name,
        row.trainable,
        mean_and_range(row.metric("top1")),
        mean_and_range(source(row, "before")),
        mean_and_range(source(row, "after")),
        f"{statistics.mean(change(row)):+.2f}",
        row.seeds,
        row.minutes,
    ]


def paint(pyplot: ModuleType, rows: Sequence[Row]) -> Any:
    """Target against source accuracy: a small mark a run, a large one with its name a row."""
    figure, axes = pyplot.subplots(figsize=(8, 5.5), layout="constrained")
    for number, row in enumerate(rows):
        colour, mark = f"C{number % 10}", "os"[number // 10 % 2]
        axes.scatter(
            source(row, "after"), row.metric("top1"), s=14, color=colour, marker=mark, alpha=0.5
        )
        centre = (statistics.mean(source(row, "after")), statistics.mean(row.metric("top1")))
        axes.scatter(*centre, s=60, color=colour, marker=mark, label=row.name)
        axes.annotate(row.name, centre, xytext=(6, 4), textcoords="offset points", fontsize=8)
    before = statistics.mean([value for row in rows for value in source(row, "before")])
    axes.axvline(before, color="grey", linestyle="--", linewidth=1)
    axes.annotate("before tuning", (before, axes.get_ylim()[0]), xytext=(-4, 4), fontsize=8,
                  textcoords="offset points", rotation=90, ha="right", color="grey")  # fmt: skip
    axes.set_xlabel("source, k-NN top-1 after tuning, %")
    axes.set_ylabel("target, top-1, %")
    return figure
