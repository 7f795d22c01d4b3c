"""Few-shot evaluations of several weights, and pictures of what these look at.

Folders are called ROW_seedN and hold what ``eval.py --protocol few_shot`` wrote with seed N, of one
data set or several: a data set makes a table, folders that differ in their seed a row of it, a mean
and a range. Rows called pixels and random are what the others are compared with.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

from chapters.pictures import Pictures
from chapters.run import RESULT, Run
from chapters.seed_rows import Row, mean_and_range, rows_of, table
from mindtune.errors import CheckpointError

ATTENTION = Path(__file__).resolve().parents[2] / "docs" / "pictures" / "few_shot_attention"
COMPARED_WITH = ("pixels", "random")
INTERVAL = "_interval"


def chapter(runs: Sequence[Run], pictures: Pictures) -> str:
    """Markdown; shows all pictures of ``mindtune attention`` in the folder ``ATTENTION``.

    Raises:
        ConfigError: a folder without a seed in its name.
        CheckpointError: a folder without an evaluation that another has, or evaluations with
            different options.
    """
    files = dict.fromkeys(name for run in runs for name in run.evaluations("few_shot"))
    if not files:
        raise CheckpointError(f"{runs[0].name}: got no eval_few_shot_*.json, expected evaluations")
    parts = []
    for file in files:
        parts += table_of(rows_of(only(run, file) for run in runs))
    shown = sorted(ATTENTION.glob("*_attention.png"))
    if shown:
        parts.append(
            "What the class token attends to in the last block: the image, then under the mean of "
            "the heads, then under each head."
        )
    parts += [f"![{file.stem}]({pictures.link}/{ATTENTION.name}/{file.name})" for file in shown]
    return "\n\n".join(parts)


def only(run: Run, file: str) -> Run:
    """The run with one evaluation as its result.

    Raises:
        CheckpointError: it has none of that name.
    """
    if file not in run.files:
        raise CheckpointError(
            f"{run.name}: got no {file}, expected an evaluation as of the other folders; make it "
            "with eval.py --protocol few_shot"
        )
    return Run(run.name, {RESULT: run.files[file]})


def table_of(rows: Sequence[Row]) -> list[str]:
    """What was measured, and its table."""
    names = [name for name in rows[0].first.result["metrics"] if not name.endswith(INTERVAL)]
    compared = [row for row in rows if row.name in COMPARED_WITH]
    headings = ["row", "features"]
    for name in names:
        headings += [f"{name}, %", *(f"over {row.name}" for row in compared)]
    cells = [cells_of(row, names, compared) for row in rows]
    return [explanation(rows), table(headings, cells)]


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
    widest = max(
        value
        for run in runs
        for name, value in run.result["metrics"].items()
        if name.endswith(INTERVAL)
    )
    seeds = ", ".join(str(run.result["seed"]) for run in rows[0].runs)
    return (
        f"**{first['data']['name']}**: {shape['way']}-way episodes from {first['images']:,} "
        f"{first['split']} images of {of}, {queries} queries a class, {shape['episodes']:,} "
        f"episodes a seed (95 % interval at most ± {widest:.2f}).\nMean over seeds {seeds} and, in "
        "brackets, the lowest and the highest; points gained over other rows are of the means."
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
