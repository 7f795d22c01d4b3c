"""Several runs side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mindtune.report.configuration import settings_of
from mindtune.report.curves import points_of
from mindtune.report.line_chart import LineChart, Series, line_chart
from mindtune.report.run_files import RunFiles
from mindtune.report.summary import summary

_UNSAID = "–"  # noqa: RUF001
_CURVES = (  # key, records, title, unit
    ("train_loss", RunFiles.rounds, "Training loss, mean of a round", ""),
    ("loss", RunFiles.updates, "Training loss, single updates", ""),
    ("eval_top1", RunFiles.rounds, "Top-1 on the selection split", "%"),
    ("eval_loss", RunFiles.rounds, "Loss on the selection split", ""),
    ("lr", RunFiles.updates, "Learning rate", ""),
    ("images_per_second", RunFiles.rounds, "Throughput", "images/s"),
)
_OF_PLACE = ("out", "resume", "overwrite", "data.workers")  # settings that say nothing of a run


@dataclass(frozen=True)
class Table:
    """A row a figure, a cell a run."""

    title: str
    rows: list[tuple[str, list[str]]]


@dataclass(frozen=True)
class Comparison:
    """``names`` of the runs; tables and charts have them in this order."""

    names: list[str]
    tables: list[Table]
    charts: list[LineChart]


def compare(runs: Sequence[RunFiles]) -> Comparison:
    """Figures, classes and differing settings of ``runs``, and their curves in one chart each."""
    names = _distinct(runs)
    charts = [
        line_chart(
            title,
            [Series(name, points_of(records(run), key)) for name, run in zip(names, runs)],
            y_label=unit,
        )
        for key, records, title, unit in _CURVES
    ]
    tables = [_figures(runs), _evaluations(runs), _classes(runs), _settings(runs)]
    return Comparison(
        names,
        [table for table in tables if table.rows],
        [chart for chart in charts if chart is not None],
    )


def _distinct(runs: Sequence[RunFiles]) -> list[str]:
    """Folder names, or whole paths where two are the same."""
    names = [run.name for run in runs]
    return [str(run.folder) if names.count(name) > 1 else name for name, run in zip(names, runs)]


def _table(
    title: str, runs: Sequence[RunFiles], read: Callable[[RunFiles], dict[str, str]]
) -> Table:
    columns = [read(run) for run in runs]
    keys = dict.fromkeys(key for column in columns for key in column)
    rows = [(key, [column.get(key, _UNSAID) for column in columns]) for key in keys]
    return Table(title, rows)


def _figures(runs: Sequence[RunFiles]) -> Table:
    def read(run: RunFiles) -> dict[str, str]:
        return {f"{one.name} ({one.note})" if one.note in ("test", "val") else one.name: one.value
                for one in summary(run)}  # fmt: skip

    return _table("Figures", runs, read)


def _evaluations(runs: Sequence[RunFiles]) -> Table:
    def read(run: RunFiles) -> dict[str, str]:
        return {
            f"{name}: {key}": f"{value:.4f}"
            for name, found in run.evaluations.items()
            for key, value in found.get("metrics", {}).items()
            if isinstance(value, float)
        }

    return _table("Evaluations", runs, read)


def _classes(runs: Sequence[RunFiles]) -> Table:
    def read(run: RunFiles) -> dict[str, str]:
        return {
            f"{judged.name}: {row['name']}": f"{float(row['top1']):.2f} %"
            for judged in run.judged
            for row in judged.classes
        }

    return _table("Accuracy of each class", runs, read)


def _settings(runs: Sequence[RunFiles]) -> Table:
    """Those in which the runs differ."""
    table = _table("Settings that differ", runs, lambda run: settings_of(run.config))
    rows = [
        (key, cells) for key, cells in table.rows if len(set(cells)) > 1 and key not in _OF_PLACE
    ]
    return Table(table.title, rows)
