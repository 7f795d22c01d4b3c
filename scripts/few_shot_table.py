"""Tables of few-shot evaluations of several weights, a chapter of docs/results.md.

Kept results are those of folders ROW_seedN in which ``eval.py --protocol few_shot`` judged one data
set or several with seed N: a data set makes a table, folders that differ in their seed a row of it,
a mean and a range. Rows called pixels and random are what the others are compared with.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

from results_table import Run
from seed_rows import Row, mean_and_range, rows_of, table

from mindtune.errors import CheckpointError

PHOTOS = ("cat", "deer", "dog", "frog", "horse", "ship")  # that scripts/cifar10_few_shot.sh draws
COMPARED_WITH = ("pixels", "random")
INTERVAL = "_interval"


def chapter(runs: Sequence[Run], plot: Path, link: str) -> str:
    """Markdown; attention pictures are shown from the folder called as ``link`` without its suffix.

    Raises:
        ConfigError: a name without a seed.
        CheckpointError: an evaluation that another run has is missing, or has other options.
    """
    parts = []
    for name in dict.fromkeys(name for run in runs for name in run.evaluations("few_shot")):
        parts += _of_one_data_set(rows_of(_evaluation(run, name) for run in runs))
    parts.append(
        "What the class token attends to in the last block after phase 2: the image, then under "
        "the mean of the heads, then under each head."
    )
    folder = Path(link).with_suffix("").as_posix()
    parts += [f"![{photo}]({folder}/{photo}_attention.png)" for photo in PHOTOS]
    return "\n\n".join(parts) + "\n"


def _evaluation(run: Run, name: str) -> Run:
    """One evaluation as the result of a run."""
    found = run.evaluations("few_shot")
    if name not in found:
        raise CheckpointError(
            f"{run.name}: got no {name}, expected an evaluation as of the other folders; make it "
            "with eval.py --protocol few_shot"
        )
    return Run(run.name, found[name])


def _of_one_data_set(rows: Sequence[Row]) -> list[str]:
    """Words and table."""
    names = [name for name in rows[0].first.result["metrics"] if not name.endswith(INTERVAL)]
    compared = [row for row in rows if row.name in COMPARED_WITH]
    headings = ["row", "features"]
    for name in names:
        headings += [f"{name}, %", *(f"over {row.name}" for row in compared)]
    return [explanation(rows), table(headings, [cells_of(row, names, compared) for row in rows])]


def explanation(rows: Sequence[Row]) -> str:
    """What is measured, in words, with the sizes.

    Raises:
        CheckpointError: not all rows measured the same.
    """
    runs = [run for row in rows for run in row.runs]
    first = runs[0].result
    for run in runs:
        if _measured(run) != _measured(runs[0]):
            raise CheckpointError(
                f"{run.name}: got other data, options or metrics of few_shot than "
                f"{runs[0].name}, expected the same; evaluate it again"
            )
    shape, classes = first["few_shot"], first["data"]["classes"]
    queries = "all other" if shape["queries"] is None else shape["queries"]
    of = "all classes" if classes is None else ", ".join(map(str, classes))
    intervals = [
        value
        for run in runs
        for name, value in run.result["metrics"].items()
        if name.endswith(INTERVAL)
    ]
    seeds = ", ".join(str(run.result["seed"]) for run in rows[0].runs)
    return (
        f"**{first['data']['name']}**: {shape['way']}-way episodes from {first['images']:,} "
        f"{first['split']} images of {of}, {queries} queries a class, {shape['episodes']:,} "
        f"episodes a seed (95 % interval at most ± {max(intervals):.2f}).\nMean over seeds {seeds} "
        "and, in brackets, the lowest and the highest; points gained are between means."
    )


def _measured(run: Run) -> tuple[object, ...]:
    """What a table's evaluations have in common; features may differ."""
    result = run.result
    shape = {key: value for key, value in result["few_shot"].items() if key != "features"}
    return shape, result["data"]["classes"], result["images"], list(result["metrics"])


def cells_of(row: Row, names: Sequence[str], compared: Sequence[Row]) -> list[str]:
    """The cells of one row: its features, then each metric and what it gains."""
    cells = [row.name, row.first.result["few_shot"]["features"]]
    for name in names:
        values = row.metric(name)
        cells.append(mean_and_range(values))
        for other in compared:
            gain = statistics.mean(values) - statistics.mean(other.metric(name))
            cells.append(f"{gain:+.2f}")
    return cells
