"""A classifier judged on a split: the counts, and every single answer."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mindspore import nn
from PIL import Image

from mindtune.data.source import ImageSource
from mindtune.evaluation.classification import ClassificationResult, evaluate_classification
from mindtune.evaluation.predictions import PredictionRecorder, Predictions
from mindtune.files import write_atomically

ERRORS_SHOWN = 24
_THUMBNAIL = 96  # pixels

ByRanks = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Judgement:
    """Of all images of ``source`` on all ranks."""

    source: ImageSource
    result: ClassificationResult
    predictions: Predictions

    def write(self, folder: Path, name: str) -> None:
        """Write ``eval_<name>_per_class.csv``, ``_predictions.csv`` and ``_errors.json``.

        The last holds the most confident errors with a small picture of each.

        Raises:
            CheckpointError: a file cannot be written.
        """
        names = self.source.class_names
        _write_table(
            folder / f"eval_{name}_per_class.csv", _PER_CLASS, _per_class(names, self.result)
        )
        _write_table(
            folder / f"eval_{name}_predictions.csv",
            _EVERY_IMAGE,
            _every_image(self.source, self.predictions),
        )
        errors = json.dumps(_errors(self.source, self.predictions))
        write_atomically(folder / f"eval_{name}_errors.json", errors.encode())


def judge(
    network: nn.Cell,
    batches: Iterable[tuple[np.ndarray, ...]],
    source: ImageSource,
    sum_over_ranks: ByRanks,
    gather: Callable[[np.ndarray], list[np.ndarray]],
    logit_indices: np.ndarray | None = None,
) -> Judgement:
    """Run ``network`` over ``batches``, this rank's share of ``source``; see
    ``evaluate_classification``. ``gather`` gives the arrays of all ranks."""
    recorder = PredictionRecorder()
    result = evaluate_classification(
        network, batches, len(source.class_names), logit_indices, sum_over_ranks, recorder.add
    )
    return Judgement(source, result, recorder.gathered(gather))


_PER_CLASS = ("class", "name", "images", "correct", "top1")
_EVERY_IMAGE = ("image", "label", "predicted", "confidence", "label_confidence")


def _per_class(names: Sequence[str], result: ClassificationResult) -> Iterable[Sequence[Any]]:
    rows = zip(
        names, result.per_class_images, result.per_class_correct, result.per_class_accuracy()
    )
    for index, (name, images, correct, accuracy) in enumerate(rows):
        yield index, name, images, correct, f"{accuracy:.4f}"


def _every_image(source: ImageSource, predictions: Predictions) -> Iterable[Sequence[Any]]:
    rows = zip(
        predictions.labels,
        predictions.predicted,
        predictions.confidences,
        predictions.label_confidences,
    )
    for index, (label, predicted, confidence, own) in enumerate(rows):
        yield source.describe(index), label, predicted, f"{confidence:.4f}", f"{own:.4f}"


def _errors(source: ImageSource, predictions: Predictions) -> list[dict[str, Any]]:
    return [
        {
            "image": source.describe(int(index)),
            "label": source.class_names[predictions.labels[index]],
            "predicted": source.class_names[predictions.predicted[index]],
            "confidence": round(float(predictions.confidences[index]), 4),
            "label_confidence": round(float(predictions.label_confidences[index]), 4),
            "picture": thumbnail(source.load(int(index))),
        }
        for index in predictions.most_confident_errors(ERRORS_SHOWN)
    ]


def thumbnail(image: Image.Image, side: int = _THUMBNAIL) -> str:
    """A JPEG of at most ``side`` pixels a side as a ``data:`` URI."""
    small = image.copy()
    small.thumbnail((side, side), Image.Resampling.BICUBIC)
    content = io.BytesIO()
    small.save(content, format="JPEG", quality=85)
    return f"data:image/jpeg;base64,{base64.b64encode(content.getvalue()).decode()}"


def _write_table(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    write_atomically(path, text.getvalue().encode())
