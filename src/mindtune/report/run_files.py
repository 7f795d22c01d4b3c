"""What lies in the folder of a run or of an evaluation."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from mindtune.cli import read_yaml
from mindtune.engine.log import Record, RunLog
from mindtune.errors import CheckpointError
from mindtune.report import file_shapes
from mindtune.report.file_shapes import check_rows, check_shape

Row = dict[str, str]

_CONFIG, _RESULT = "config.yaml", "result.json"
_EVALUATION, _PER_CLASS, _PREDICTIONS, _ERRORS = (
    "eval_", "_per_class.csv", "_predictions.csv", "_errors",
)  # fmt: skip


@dataclass(frozen=True)
class Judged:
    """A classifier's answers on a split, see ``mindtune.evaluation.judgement``.

    Attributes:
        name: of the split or protocol.
        classes: a row a class.
        predictions: a row an image; empty where an older version wrote the folder.
        errors: the most confident ones.
    """

    name: str
    classes: list[Row]
    predictions: list[Row]
    errors: list[dict[str, Any]]


@dataclass(frozen=True)
class RunFiles:
    """All of it, empty where a file is not there (yet).

    Attributes:
        config: what the run was asked.
        result: what it measured in the end.
        records: its log, oldest first.
        evaluations: results of eval.py by name.
        judged: classifiers judged, by train.py or eval.py.
    """

    folder: Path
    config: dict[str, Any]
    result: dict[str, Any]
    records: list[Record]
    evaluations: dict[str, dict[str, Any]]
    judged: list[Judged]

    @property
    def name(self) -> str:
        """What the page calls it."""
        return self.folder.resolve().name

    def rounds(self) -> list[Record]:
        """The records that close an epoch, or what lies between two evaluations."""
        return [record for record in self.records if record["kind"] == "epoch"]

    def updates(self) -> list[Record]:
        """The records of single updates."""
        return [record for record in self.records if record["kind"] == "step"]


def read_run_files(folder: Path) -> RunFiles:
    """Read ``folder``.

    Raises:
        CheckpointError: no folder, nothing of this package in it, or a file in it is broken.
    """
    if not folder.is_dir():
        raise CheckpointError(f"report {folder}: got no folder, expected a run folder; check it")
    config = read_yaml(folder / _CONFIG) if (folder / _CONFIG).is_file() else {}
    evaluations = {
        path.stem[len(_EVALUATION) :]: _read_evaluation(path)
        for path in sorted(folder.glob(f"{_EVALUATION}*.json"))
        if not path.stem.endswith(_ERRORS)
    }
    result, records = _read_result(folder / _RESULT), _read_records(folder)
    if not (config or records or evaluations):
        raise CheckpointError(
            f"report {folder}: holds neither {_CONFIG} nor eval_*.json, expected a folder that "
            "train.py or eval.py wrote"
        )
    return RunFiles(folder, config, result, records, evaluations, _judged(folder))


def read_json(path: Path) -> Any:
    """What a JSON file holds.

    Raises:
        CheckpointError: it is none, or cannot be read.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"{path}: cannot be read ({error}); write it again with train.py or eval.py, or "
            "remove it"
        ) from error


def _read_result(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    result: dict[str, Any] = read_json(path)
    check_shape(path, result, file_shapes.RESULT)
    return result


def _read_evaluation(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = read_json(path)
    check_shape(path, found, file_shapes.EVALUATION)
    check_shape(path, found, file_shapes.PROTOCOLS.get(found.get("protocol", ""), {}))
    return found


def _read_records(folder: Path) -> list[Record]:
    log = RunLog(folder, Console(quiet=True))
    try:
        records = log.records()
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(
            f"{log.path}: cannot be read ({error}); repair or remove the file"
        ) from error
    for number, record in enumerate(records, start=1):
        check_shape(log.path, record, {"kind": str}, f"line {number}")
        kind = file_shapes.RECORDS.get(record["kind"], {})
        check_shape(log.path, record, kind, f"line {number}")
    return records


def _judged(folder: Path) -> list[Judged]:
    judged = []
    for path in sorted(folder.glob(f"{_EVALUATION}*{_PER_CLASS}")):
        name = path.name[len(_EVALUATION) : -len(_PER_CLASS)]
        errors = folder / f"{_EVALUATION}{name}{_ERRORS}.json"
        found = read_json(errors) if errors.is_file() else []
        check_shape(errors, found, file_shapes.ERRORS)
        classes = _read_rows(path, file_shapes.PER_CLASS)
        answers = folder / f"{_EVALUATION}{name}{_PREDICTIONS}"
        predictions = _read_rows(answers, file_shapes.PREDICTIONS)
        _check_labels(answers, predictions, len(classes))
        judged.append(Judged(name, classes, predictions, found))
    return judged


def _read_rows(path: Path, columns: Mapping[str, type]) -> list[Row]:
    if not path.is_file():
        return []
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CheckpointError(
            f"{path}: cannot be read ({error}); write it again with eval.py, or remove it"
        ) from error
    check_rows(path, rows, columns)
    return rows


def _check_labels(path: Path, predictions: list[Row], classes: int) -> None:
    labels = [int(row[column]) for row in predictions for column in file_shapes.PREDICTIONS]
    if labels and not 0 <= min(labels) <= max(labels) < classes:
        raise CheckpointError(
            f"{path}: got classes {min(labels)} to {max(labels)}, expected {classes} of them, as "
            "in the table of classes beside it; write both again with eval.py, or remove the file"
        )
