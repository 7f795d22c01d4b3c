"""What the files of a run hold, as far as the report reads them; anything else is refused by name.

A shape is a type, a tuple of types, a list of one shape, or a mapping of keys to shapes, in which a
key that ends in ``?`` may be missing or null. Keys that no shape names may hold anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mindtune.errors import CheckpointError

NUMBER = (int, float)
_COUNTS = {"trainable": int, "total": int}
_NEIGHBOURS = {
    "after": dict, "images": int, "bank_images": int, "data": {"name": str}, "split": str,
    "space": str, "temperature": NUMBER,
}  # fmt: skip
RESULT = {
    "metrics?": dict,
    "selection?": {"split": str, "epoch": NUMBER},
    "parameters?": {**_COUNTS, "groups?": [{"group": str, **_COUNTS}]},
    "seconds?": NUMBER,
    "updates?": int,
    "peak_memory_mb?": NUMBER,
    "versions?": dict,
    "forgetting?": _NEIGHBOURS,
}
RECORDS = {  # of the log, by kind
    "step": {"step": int},
    "epoch": {"step": int, "images_per_second": NUMBER},
}
EVALUATION = {"protocol?": str, "metrics?": dict, "versions?": dict}
PROTOCOLS = {  # what their sections read besides
    "knn": _NEIGHBOURS,
    "few_shot": {
        "few_shot": {"classifiers": list, "shots": list, "episodes": int, "way": int},
        "metrics": dict,
        "data": {"name": str},
        "split": str,
    },
    "pictures": {
        "labels": list, "class_names": list, "pca_explained": list, "tsne": list, "pca": list,
        "split": str, "attention?": [{"image": str, "label": str, "panels": list}],
    },
    "diagnose": {"attention": {"distance": list, "mean_similarity": list}, "split": str},
}  # fmt: skip
ERRORS = [
    {"image": str, "label": str, "predicted": str, "confidence": NUMBER, "label_confidence": NUMBER,
     "picture": str}
]  # fmt: skip
PER_CLASS = {"name": str, "images": int, "top1": float}  # columns of tables
PREDICTIONS = {"label": int, "predicted": int}


def check_shape(file: Path, value: Any, shape: Any, where: str = "") -> None:
    """Refuse a value that is not of ``shape``; ``where`` says which part of the file it is.

    Raises:
        CheckpointError: naming the file, the part, what it is and what it should be.
    """
    kind = type(shape) if isinstance(shape, (dict, list)) else shape
    fits: bool = isinstance(value, kind)
    if not fits:
        raise _refusal(file, where, _name(type(value)), _name(kind))
    if isinstance(shape, list):
        for number, one in enumerate(value, start=1):
            check_shape(file, one, shape[0], f"{where}[{number}]")
    if isinstance(shape, dict):
        for key, inner in shape.items():
            found = value.get(key.rstrip("?"))
            if found is not None or not key.endswith("?"):
                check_shape(file, found, inner, f"{where}.{key.rstrip('?')}".lstrip("."))


def check_rows(
    file: Path, rows: Sequence[Mapping[str, str | None]], columns: Mapping[str, type]
) -> None:
    """Refuse a table that lacks one of ``columns``, or whose cells are not of their types.

    Raises:
        CheckpointError: naming the file, the row and the column.
    """
    for number, row in enumerate(rows, start=2):  # the first line holds the names
        for column, kind in columns.items():
            cell, where = row.get(column), f"line {number}, column {column}"
            if cell is None:
                raise _refusal(file, where, "nothing", _name(kind))
            try:
                kind(cell)
            except ValueError as error:
                raise _refusal(file, where, repr(cell), _name(kind)) from error


def _refusal(file: Path, where: str, found: str, expected: str) -> CheckpointError:
    return CheckpointError(
        f"{file}: {where or 'content'}: got {found}, expected {expected}; write it again with "
        "train.py or eval.py, or remove the file"
    )


def _name(kind: Any) -> str:
    """What a reader of JSON calls a type, or one of several."""
    names = {dict: "an object", list: "a list", str: "text", type(None): "nothing"}
    if kind in (int, float, NUMBER):
        return "a number"
    return names.get(kind, getattr(kind, "__name__", str(kind)))
