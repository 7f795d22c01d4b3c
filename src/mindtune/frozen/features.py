"""Features of a data set under a run's configuration: each rank its share, kept on disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from mindspore import nn

from mindtune import assemble
from mindtune.config import RunConfig
from mindtune.data.identity import identity_of
from mindtune.data.loader import EvalLoader
from mindtune.data.source import ImageSource
from mindtune.engine.distributed.world import World
from mindtune.evaluation.feature_cache import FeatureCache, blocks_of
from mindtune.evaluation.features import LabelledFeatures, feature_batches, fill_features
from mindtune.parameters import weights_checksum
from mindtune.preprocessing import Preprocessing
from mindtune.version import __version__

_ROWS_AT_ONCE = 8192  # read from the cache


@dataclass(frozen=True)
class FrozenFeatures:
    """What ``network`` says of the images of ``source``, computed when it is asked for.

    ``share`` and ``parts`` raise

    * ``CheckpointError``: ``cache`` cannot be written, or holds a broken file;
    * ``DataError``: an image cannot be read;
    * ``DivergedError``: features that are NaN or infinite.

    Args:
        network: images (B, 3, S, S) -> (B, ``width``), with its weights, such as
            ``PooledFeatures(backbone)``; it is left in the train mode it was in.
        width: D.
        source: images and labels.
        preprocessing: of the images.
        config: how images are read and batched.
        world: all ranks, each of which has the images ``rank``, ``rank + size``, ...
        cache: folder to take features from, or else to keep them in; None: neither. They are known
            again by ``what``, the weights, the preprocessing, and what ``identity_of`` says of the
            images.
        what: how ``network`` was built (JSON), since its weights alone do not tell what is done
            with them.
        view: take the training view of this epoch of the run; None: the evaluation view.
    """

    network: nn.Cell
    width: int
    source: ImageSource
    preprocessing: Preprocessing
    config: RunConfig
    world: World
    cache: str | None
    what: Mapping[str, Any]
    view: int | None = None

    def share(self) -> LabelledFeatures:
        """This rank's features, in memory or, where there is a cache, a read-only view of it."""
        if self.cache is not None:
            values = self._cached(self.cache)
        else:
            images = len(range(self.world.rank, len(self.source), self.world.size))
            values = np.empty((images, self.width), np.float32)
            self._fill(values)
        return LabelledFeatures(values, np.asarray(self.source.labels))

    def parts(self) -> Iterator[np.ndarray]:
        """The same one part (n, D) after the other, of which only the last need be in memory."""
        if self.cache is not None:
            return blocks_of(self._cached(self.cache), _ROWS_AT_ONCE)
        return self._batches()

    def _batches(self) -> Iterator[np.ndarray]:
        return feature_batches(self.network, self._loader())

    def _loader(self) -> EvalLoader:
        images, place = (self.config, self.source, self.preprocessing), self.world
        if self.view is None:
            return assemble.build_eval_loader(*images, place.rank, place.size)
        return assemble.build_view_loader(*images, self.view, place.rank, place.size)

    def _fill(self, values: np.ndarray) -> None:
        fill_features(values, self._batches())

    def _cached(self, cache: str) -> np.ndarray:
        identity = {
            "network": dict(self.what),
            "weights": weights_checksum(self.network),
            "preprocessing": self.preprocessing.as_dict(),
            "statistics": self.config.evaluation.statistics,
            "images": identity_of(self.source),
            "first image": self.source.describe(0),
            **self._identity_of_view(),
            "mindtune": __version__,
        }
        folder = FeatureCache(Path(cache), self.world.rank, self.world.size)
        return folder.share(identity, len(self.source), self.width, self._fill)

    def _identity_of_view(self) -> dict[str, Any]:
        if self.view is None:
            return {}
        augment = asdict(self.config.augment)
        return {"view": self.view, "seed": self.config.seed, "augment": augment}
