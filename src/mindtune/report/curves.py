"""How a run went: loss, learning rate, accuracy, speed over its updates."""

from __future__ import annotations

from collections.abc import Sequence

from mindtune.engine.log import Record
from mindtune.report.line_chart import LineChart, Point, Series, line_chart
from mindtune.report.run_files import RunFiles
from mindtune.report.section import Section

_PERCENT = {"eval_top1": "top-1", "eval_top5": "top-5", "eval_knn": "k-NN top-1"}
_LOSSES = {"eval_loss": "evaluation", "eval_distillation_loss": "evaluation"}
_NO_TERMS = {"kind", "step", "loss", "lr", "grad_norm", "images_per_second"}
_NO_MEASURES = {"eval_images", *_PERCENT, *_LOSSES}


def curves(run: RunFiles) -> Section | None:
    """Charts of the log, those that it has numbers for."""
    charts = [chart for chart in _charts(run) if chart is not None]
    return Section("Training", "curves", charts) if charts else None


def points_of(records: Sequence[Record], key: str) -> list[Point]:
    """(updates done, value) of the records that say ``key``."""
    return [
        (record["step"], record[key])
        for record in records
        if isinstance(record.get(key), (int, float))
    ]


def _charts(run: RunFiles) -> list[LineChart | None]:
    updates, rounds = run.updates(), run.rounds()
    losses = [
        Series("training, single updates", points_of(updates, "loss")),
        Series("training, mean of an epoch", points_of(rounds, "train_loss")),
        *(Series(name, points_of(rounds, key)) for key, name in _LOSSES.items()),
    ]
    if run.config.get("steps") is not None:
        losses[1] = Series("training, mean of a round", losses[1].points)
    percents = [Series(name, _accuracies(rounds, key)) for key, name in _PERCENT.items()]
    terms = [Series(key, points_of(updates, key)) for key in _terms(updates)]
    speed = points_of(updates, "images_per_second") or points_of(rounds, "images_per_second")
    return [
        line_chart("Loss", losses),
        line_chart("Accuracy on the selection split", percents, y_label="%"),
        line_chart("Learning rate", [Series("highest", points_of(updates, "lr"))], start=0),
        line_chart("Terms of the loss", terms),
        line_chart("Gradient norm", [Series("norm", points_of(updates, "grad_norm"))], start=0),
        line_chart("Throughput", [Series("images/s", speed)], y_label="images/s", start=0),
        *(line_chart(key[len("eval_") :], [Series(key, points_of(rounds, key))])
          for key in _measures(rounds)),
    ]  # fmt: skip


def _accuracies(rounds: Sequence[Record], key: str) -> list[Point]:
    """Those of ``key``; none where it says nothing, as top-5 of five classes."""
    points = points_of(rounds, key)
    return [] if all(value == 100 for _, value in points) and key == "eval_top5" else points


def _terms(updates: Sequence[Record]) -> list[str]:
    """Names of the loss's terms; none where the only one is the loss itself."""
    names = list(dict.fromkeys(key for record in updates for key in record))
    terms = [name for name in names if name not in _NO_TERMS]
    return terms if len(terms) > 1 else []


def _measures(rounds: Sequence[Record]) -> list[str]:
    """What else evaluations measured."""
    names = dict.fromkeys(key for record in rounds for key in record)
    return [name for name in names if name.startswith("eval_") and name not in _NO_MEASURES]
