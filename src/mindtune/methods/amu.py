"""AMU-Tuning: a few images a class teach a linear layer what to add to CLIP's logits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from mindspore import Parameter

from mindtune import assemble
from mindtune.config import AmuConfig
from mindtune.data.feature_loader import FeatureLoader
from mindtune.data.loader import TrainLoader
from mindtune.engine.loop import EpochSource
from mindtune.engine.selection import TOP1
from mindtune.evaluation.fusion import FoundFusion, FusionLogits, evaluate_fusion, search_fusion
from mindtune.frozen.class_texts import class_texts
from mindtune.frozen.few_shot_sources import few_shot_sources
from mindtune.frozen.fusion_weights import (
    build_fusion,
    load_fusion,
    read_adapter,
    store_found,
    with_found,
)
from mindtune.frozen.tower_features import TowerFeatures
from mindtune.frozen.towers import identities_of, read_towers
from mindtune.heads.logit_fusion import LogitFusion, class_means
from mindtune.methods.method import RunContext
from mindtune.networks.fused_classifier import FrozenTowers
from mindtune.objectives.amu import AmuObjective, ImageAmuObjective
from mindtune.parameters import weights_of
from mindtune.pretrained import read_pretrained
from mindtune.run import rank_checks
from mindtune.run.run_plan import epochs_of

_RESULTS = {"fused": "top1", "CLIP": "clip_top1", "auxiliary": "auxiliary_top1"}


class Amu:
    """AMU-Tuning (Tang et al., CVPR 2024, arXiv 2404.08958).

    With ``amu.cache_views`` K the features of K training views of each image are computed once, and
    epoch e trains on view e mod K: with K at least the number of epochs this is what the authors'
    form, K 0, computes in every step. Their code keeps an incomplete last batch, this drops it.

    Args:
        run: its configuration and place.

    Raises:
        UserError: data, weights and configuration do not fit each other.
    """

    selection = TOP1

    def __init__(self, run: RunContext) -> None:
        self.run = run
        config, world = run.config, run.world
        self.splits = assemble.build_splits(config, run.console.print)
        self.sources = few_shot_sources(config, self.splits)
        names = self.sources["train"].class_names
        self.towers = read_towers(config, world, run.say)
        self.preprocessing = self.towers.image.preprocessing
        rank_checks.check_same_data(world, self.sources, self.preprocessing)
        self.features = TowerFeatures(config, self.towers, self.sources, world)
        dims = [tower.width for tower in self.towers.auxiliary]
        if run.resumed_preprocessing is None:
            texts = class_texts(config, self.towers.clip, self.towers.source, names, world)
            starts = self._starts(len(names), dims)
        else:  # the resumed state brings both
            texts, starts = np.zeros((self.towers.image.width, len(names)), np.float32), None
        self.network = build_fusion(config.amu, texts, dims, starts)
        self._logits = FusionLogits(self.network)
        features_objective = AmuObjective(self.network, config.amu.fused_share)
        self.objective = features_objective
        if config.amu.cache_views == 0:
            self.objective = ImageAmuObjective(features_objective, self._tower_cell())

    def parameter_groups(self) -> dict[str, list[Parameter]]:
        """The texts, which do not train, and the classifiers of the auxiliary features."""
        branches = weights_of(self.network.branches)
        return {"texts": [self.network.text_weights], "auxiliary": branches}

    def frozen_networks(self) -> list[dict[str, Any]]:
        """The towers, which are not saved with the network, and how to know them again."""
        return identities_of(self.towers)

    def train_loader(self) -> EpochSource:
        """Batches of features, or with ``amu.cache_views`` 0 of augmented images."""
        config, world, source = self.run.config, self.run.world, self.sources["train"]
        if config.amu.cache_views == 0:
            return LabelsFirst(
                assemble.build_train_loader(
                    config, source, self.preprocessing, world.rank, world.size
                )
            )
        batches = len(source) // (config.batch_size * world.size)
        views = self.features.views(min(config.amu.cache_views, epochs_of(config, max(batches, 1))))
        labels = np.asarray(source.labels)
        return FeatureLoader(labels, views, config.batch_size, config.seed, world.rank, world.size)

    def evaluate(self) -> dict[str, Any]:
        """Accuracies of CLIP, the auxiliary networks, and both, where the best is chosen."""
        return self._accuracies(self._logits, self.run.config.evaluation.selection)

    def final_evaluation(self, best: Path) -> dict[str, Any]:
        """The same of the best checkpoint on the validation images and on the test split."""
        run = self.run
        if run.world.is_main:
            load_fusion(self.network, read_pretrained(str(best)))
        run.world.broadcast(weights_of(self.network))
        logits, found = self._logits, {}
        if run.config.amu.search:
            chosen = self._search()
            config = with_found(run.config, chosen)
            logits = FusionLogits(self._with(config.amu))
            found = {"search": vars(chosen)}
            if run.world.is_main:
                store_found(best, config)
        metrics = self._accuracies(logits, "test")
        if "val" in self.sources:
            found["val"] = self._accuracies(logits, "val")
        shown = ", ".join(f"{name} {metrics[key]:.2f} %" for name, key in _RESULTS.items())
        run.say(f"best checkpoint on {self.splits.final_split}: {shown}")
        return {
            "split": self.splits.final_split,
            "metrics": metrics,
            **found,
            "skipped_images": self.splits.skipped,
        }

    def _starts(self, num_classes: int, dims: list[int]) -> list[np.ndarray] | None:
        """First weights of the auxiliary classifiers; None draws them."""
        options = self.run.config.amu
        if options.adapter is not None:
            return read_adapter(options.adapter, num_classes, dims)
        if options.start == "random":
            return None
        _, *auxiliary = self.features.mean_views(options.start_views)
        labels = np.asarray(self.sources["train"].labels)
        return [class_means(features, labels, num_classes) for features in auxiliary]

    def _tower_cell(self) -> FrozenTowers:
        towers = self.towers.all
        return FrozenTowers([t.network for t in towers], [t.preprocessing for t in towers])

    @cached_property
    def _shares(self) -> dict[str, tuple[list[np.ndarray], np.ndarray]]:
        """This rank's features and labels by purpose, as far as they were asked for."""
        return {}

    def _share(self, purpose: str) -> tuple[list[np.ndarray], np.ndarray]:
        if purpose not in self._shares:
            shares, world = self.features.shares(purpose), self.run.world
            labels = shares[0].labels[world.rank :: world.size]
            self._shares[purpose] = ([share.values for share in shares], labels)
        return self._shares[purpose]

    def _accuracies(self, logits: FusionLogits, purpose: str) -> dict[str, Any]:
        return evaluate_fusion(logits, *self._share(purpose), self.run.world.sum)

    def _search(self) -> FoundFusion:
        options = self.run.config.amu
        features, labels = self._share(self.run.config.evaluation.selection)
        asked = (options.alpha, options.power)
        found = search_fusion(
            self._logits, options.confidence, asked, features, labels, self.run.world.sum
        )
        self.run.say(
            f"search of {found.tried} values: alpha {found.alpha:.2f}, power {found.power:.1f} "
            f"(asked {asked[0]:.2f}, {asked[1]:.1f}), top-1 {found.top1:.2f} %"
        )
        return found

    def _with(self, options: AmuConfig) -> LogitFusion:
        """The trained network with other constants, which its compiled graph holds."""
        starts = [branch.fc.weight.asnumpy() for branch in self.network.branches]
        dims = [start.shape[1] for start in starts]
        return build_fusion(options, self.network.text_weights.asnumpy(), dims, starts)


@dataclass(frozen=True)
class LabelsFirst:
    """The batches of a loader of images, as labels and images."""

    loader: TrainLoader

    @property
    def num_batches(self) -> int:
        """Full global batches in an epoch."""
        return self.loader.num_batches

    def epoch(self, epoch: int, first_image: int = 0) -> Iterator[tuple[np.ndarray, ...]]:
        """Labels int32 (B,) and images (B, 3, S, S) of ``epoch`` from ``first_image`` on."""
        for images, targets in self.loader.epoch(epoch, first_image):
            yield targets.argmax(axis=1).astype(np.int32), images
