"""How well the teacher's features tell classes apart while it trains."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from mindspore import nn

from mindtune import assemble
from mindtune.data.source import ImageSource
from mindtune.data.splits import Subset
from mindtune.evaluation.features import (
    LabelledFeatures,
    PooledFeatures,
    feature_batches,
    fill_features,
)
from mindtune.evaluation.knn import evaluate_knn
from mindtune.methods.method import RunContext
from mindtune.preprocessing import Preprocessing

METRIC = "knn_top1"
_NEIGHBOURS = 20
_TEMPERATURE = 0.07


class TeacherNeighbours:
    """Weighted k-NN within one split: half of each class is looked up in the other half.

    So it needs no class of the training images: the validation classes of few-shot data sets are
    others. k is 20, or all where there are fewer; the feature is the class token.

    Args:
        run: its configuration and place.
        backbone: the teacher's.
        preprocessing: of the images.
    """

    def __init__(self, run: RunContext, backbone: nn.Cell, preprocessing: Preprocessing) -> None:
        self.run = run
        self.features = PooledFeatures(backbone)
        self.width = backbone.num_features
        self.preprocessing = preprocessing

    def metrics(self, source: ImageSource) -> dict[str, Any]:
        """Top-1 in percent under ``METRIC``, and the images in both halves."""
        bank, queries = (Subset(source, half) for half in class_halves(source.labels))
        k = min(_NEIGHBOURS, len(bank))
        found = evaluate_knn(
            self._batches(bank),
            bank.labels,
            LabelledFeatures(self._share_of(queries), queries.labels),
            len(source.class_names),
            [k],
            _TEMPERATURE,
            self.run.world,
        )
        return {METRIC: found[k]["top1"], "images": len(source)}

    def _batches(self, source: Subset) -> Iterator[np.ndarray]:
        """Features of this rank's images."""
        world = self.run.world
        loader = assemble.build_eval_loader(
            self.run.config, source, self.preprocessing, world.rank, world.size
        )
        return feature_batches(self.features, world.stop.interrupting(loader))

    def _share_of(self, source: Subset) -> np.ndarray:
        """The same in one piece, (n, C)."""
        world = self.run.world
        own = len(range(world.rank, len(source), world.size))
        values = np.empty((own, self.width), np.float32)
        fill_features(values, self._batches(source))
        return values


def class_halves(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every other image of each class, and those between them; the first gets one more."""
    order = np.argsort(labels, kind="stable")
    _, starts, counts = np.unique(labels[order], return_index=True, return_counts=True)
    within = np.arange(len(labels)) - np.repeat(starts, counts)
    return np.sort(order[within % 2 == 0]), np.sort(order[within % 2 == 1])
