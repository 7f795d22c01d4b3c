"""k-NN accuracy on a data set, as a run's configuration asks for it, of any network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import numpy as np

from mindtune import assemble
from mindtune.config import RunConfig
from mindtune.data.source import ImageSource
from mindtune.engine.distributed.world import World
from mindtune.errors import ConfigError
from mindtune.evaluation.features import PooledFeatures
from mindtune.evaluation.knn import check_knn, evaluate_knn
from mindtune.frozen.features import FrozenFeatures
from mindtune.networks.classifier import Classifier
from mindtune.networks.student import Student
from mindtune.preprocessing import Preprocessing
from mindtune.run import rank_checks

_MAIN = 20  # the k of DINO's published figures

Accuracies = dict[str, dict[str, float]]


class KNNEvaluation:
    """Images of one split, classified by their neighbours among the training images.

    Args:
        config: ``data`` and ``knn`` of it, and how images are read.
        split: to classify; None: test where there is one, else val. Where val is held out from the
            training images, those held out are not among the neighbours.
        world: all ranks.
        report: told in one line what was skipped.

    Raises:
        ConfigError: split train, or a ``knn.k`` beyond the training images.
        DataError: no such data, or a single class.
    """

    def __init__(
        self, config: RunConfig, split: str | None, world: World, report: Callable[[str], None]
    ) -> None:
        if split == "train":
            raise ConfigError(
                "split: got train, in which protocol knn seeks the neighbours, so that each image "
                "would find itself; use val or test"
            )
        splits = assemble.build_splits(config, report)
        self.config, self.world = config, world
        self.split = split or splits.final_split
        if self.split == "val" and "val" not in splits.on_disk:
            self.bank, self.queries = splits.train_and_selection("val")
        else:
            self.bank, self.queries = splits.open("train"), splits.open(self.split)
        self.skipped = splits.skipped
        self.num_classes = len(self.bank.class_names)
        check_knn(config.knn.k, len(self.bank), len(self.queries), self.num_classes)

    @property
    def main_k(self) -> str:
        """The number of neighbours whose accuracy stands for all."""
        ks = self.config.knn.k
        return str(_MAIN if _MAIN in ks else ks[0])

    def accuracies(
        self,
        network: Classifier | Student,
        config: RunConfig,
        preprocessing: Preprocessing,
        num_logits: int | None = None,
    ) -> Accuracies:
        """``{k: {"top1", "top5"}}`` in percent.

        Args:
            network: with its weights.
            config: what ``network`` was built from.
            preprocessing: of the images.
            num_logits: compare the network's logits, which are so many, in place of the pooled
                features; None: don't.

        Raises:
            DivergedError: features that are NaN or infinite.
        """
        images = {"train": self.bank, self.split: self.queries}
        rank_checks.check_same_data(self.world, images, preprocessing)
        backbone = network.backbone
        cell, width = PooledFeatures(backbone), backbone.num_features
        if num_logits is not None:
            cell, width = network, num_logits
        what = {
            "output": "pooled" if num_logits is None else "logits",
            "backbone": asdict(config.backbone),
            "tuning": asdict(config.tuning),
            "head": None if num_logits is None else asdict(config.head),
            "precision": config.precision,
        }

        def features(source: ImageSource) -> FrozenFeatures:
            return FrozenFeatures(
                cell, width, source, preprocessing, self.config, self.world,
                cache=self.config.knn.cache, what=what,
            )  # fmt: skip

        found = evaluate_knn(
            features(self.bank).parts(),
            np.asarray(self.bank.labels),
            features(self.queries).share(),
            self.num_classes,
            self.config.knn.k,
            self.config.knn.temperature,
            self.world,
        )
        return {str(k): accuracy for k, accuracy in found.items()}

    def description(self) -> dict[str, Any]:
        """What was compared with what, for a result file."""
        knn = self.config.knn
        return {
            "split": self.split,
            "data": vars(self.config.data),
            "bank_images": len(self.bank),
            "images": len(self.queries),
            "k": int(self.main_k),
            "temperature": knn.temperature,
            "space": knn.space,
            "skipped_images": self.skipped,
        }
