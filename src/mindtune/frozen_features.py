"""Features of a data set under a run's configuration: each rank its share, kept on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
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
from mindtune.evaluation.feature_cache import FeatureCache
from mindtune.evaluation.features import LabelledFeatures, fill_features
from mindtune.parameters import weights_checksum
from mindtune.preprocessing import Preprocessing
from mindtune.version import __version__


def frozen_features(
    network: nn.Cell,
    width: int,
    source: ImageSource,
    preprocessing: Preprocessing,
    config: RunConfig,
    world: World,
    *,
    cache: str | None,
    what: Mapping[str, Any],
    view: int | None = None,
) -> LabelledFeatures:
    """What ``network`` says of the images of ``source``, this rank's share.

    Args:
        network: images (B, 3, S, S) -> (B, ``width``), with its weights, such as
            ``PooledFeatures(backbone)``; it is left in the train mode it was in.
        width: D.
        source: images and labels.
        preprocessing: of the images.
        config: how images are read and batched.
        world: all ranks, each of which calls this.
        cache: folder to take features from, or else to keep them in; None: neither. They are known
            again by ``what``, the weights, the preprocessing, and what ``identity_of`` says of the
            images.
        what: how ``network`` was built (JSON), since its weights alone do not tell what is done
            with them.
        view: take the training view of this epoch of the run; None: the evaluation view.

    Raises:
        CheckpointError: ``cache`` cannot be written, or holds a broken file.
        DataError: an image cannot be read.
        DivergedError: features that are NaN or infinite.
    """
    loader = _loader(config, source, preprocessing, world, view)

    def fill(values: np.ndarray) -> None:
        fill_features(values, network, loader)

    if cache is None:
        values = np.empty((len(range(world.rank, len(source), world.size)), width), np.float32)
        fill(values)
        return LabelledFeatures(values, np.asarray(source.labels))
    identity = {
        "network": dict(what),
        "weights": weights_checksum(network),
        "preprocessing": preprocessing.as_dict(),
        "statistics": config.evaluation.statistics,
        "images": identity_of(source),
        "first image": source.describe(0),
        **_identity_of_view(config, view),
        "mindtune": __version__,
    }
    folder = FeatureCache(Path(cache), world.rank, world.size)
    values = folder.share(identity, len(source), width, fill)
    return LabelledFeatures(values, np.asarray(source.labels))


def _loader(
    config: RunConfig,
    source: ImageSource,
    preprocessing: Preprocessing,
    world: World,
    view: int | None,
) -> EvalLoader:
    place = (world.rank, world.size)
    if view is None:
        return assemble.build_eval_loader(config, source, preprocessing, *place)
    return assemble.build_view_loader(config, source, preprocessing, view, *place)


def _identity_of_view(config: RunConfig, view: int | None) -> dict[str, Any]:
    if view is None:
        return {}
    return {"view": view, "seed": config.seed, "augment": asdict(config.augment)}
