"""Frozen features of a run's few-shot images, of CLIP and of the networks beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from mindtune.config import RunConfig
from mindtune.data.source import ImageSource
from mindtune.engine.distributed.world import World
from mindtune.evaluation.features import LabelledFeatures
from mindtune.frozen.features import FrozenFeatures
from mindtune.frozen.towers import FeatureTower, FeatureTowers


@dataclass(frozen=True)
class TowerFeatures:
    """Features by tower, computed when they are asked for, or taken from ``config.amu.cache``.

    Training views stay in memory (or mapped files), since starts and training need the same ones.

    Args:
        config: how images are read, augmented and batched, and where features are kept.
        towers: the networks; CLIP's features come first in every list.
        sources: images by what they are for, see ``few_shot_sources``.
        world: all ranks; each computes its share.
    """

    config: RunConfig
    towers: FeatureTowers
    sources: Mapping[str, ImageSource]
    world: World
    _views: dict[tuple[int, int], np.ndarray] = field(default_factory=dict, repr=False)

    def shares(self, purpose: str) -> list[LabelledFeatures]:
        """This rank's features of the evaluation view, one entry a tower."""
        return [self._frozen(tower, purpose, None).share() for tower in self.towers.all]

    def whole(self, purpose: str) -> list[np.ndarray]:
        """The same of all images on every rank, (N, D_i) a tower."""
        return [self._whole(tower, purpose, None) for tower in self.towers.all]

    def views(self, count: int) -> list[list[np.ndarray]]:
        """Training views 0 to ``count`` - 1 of all training images on every rank.

        View v is what the images look like in epoch v of a run with this configuration.

        Returns:
            ``count`` arrays (N, D_i) a tower.
        """
        towers = range(len(self.towers.all))
        return [[self._view(tower, view) for view in range(count)] for tower in towers]

    def mean_views(self, count: int) -> list[np.ndarray]:
        """The mean of ``views`` over the views, (N, D_i) a tower."""
        return [np.mean(views, axis=0) for views in self.views(count)]

    def _view(self, number: int, view: int) -> np.ndarray:
        if (number, view) not in self._views:
            self._views[number, view] = self._whole(self.towers.all[number], "train", view)
        return self._views[number, view]

    def _whole(self, tower: FeatureTower, purpose: str, view: int | None) -> np.ndarray:
        images, ranks = len(self.sources[purpose]), self.world.size
        share = self._frozen(tower, purpose, view).share().values
        if ranks == 1:
            return share
        features = np.empty((images, tower.width), np.float32)
        for rank, values in enumerate(self.world.gather(share)):
            features[rank::ranks] = values
        return features

    def _frozen(self, tower: FeatureTower, purpose: str, view: int | None) -> FrozenFeatures:
        return FrozenFeatures(
            tower.network, tower.width, self.sources[purpose], tower.preprocessing, self.config,
            self.world, cache=self.config.amu.cache, what=tower.what, view=view,
        )  # fmt: skip
