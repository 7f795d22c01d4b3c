"""The part of AMU-Tuning that a run saves: built, loaded, and its constants changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mindtune.config import AmuConfig, RunConfig
from mindtune.engine.checkpoint import replace_config
from mindtune.errors import ConfigError
from mindtune.evaluation.fusion import FoundFusion
from mindtune.heads.logit_fusion import LogitFusion
from mindtune.parameters import name_by_place
from mindtune.pretrained import Pretrained
from mindtune.run import run_folder
from mindtune.weights.linear_weight import read_linear_weight
from mindtune.weights.load import LoadReport, load_weights

TEXTS = "text_weights"


def build_fusion(
    config: AmuConfig,
    texts: np.ndarray,
    dims: Sequence[int],
    starts: Sequence[np.ndarray] | None = None,
) -> LogitFusion:
    """The network on features, see ``LogitFusion``; parameters are called by their place in it."""
    network = LogitFusion(texts, dims, config.alpha, config.confidence, config.power, starts)
    name_by_place(network)
    return network


def load_fusion(network: LogitFusion, pretrained: Pretrained) -> LoadReport:
    """Fill texts and auxiliary classifiers with what a run saved.

    Raises:
        WeightsError: the file does not fit.
    """
    return load_weights(network, pretrained.file)


def is_fusion(pretrained: Pretrained) -> bool:
    """Whether a run of method amu wrote this file."""
    return TEXTS in pretrained.file.tensors


def read_adapter(path: str, num_classes: int, dims: Sequence[int]) -> list[np.ndarray]:
    """The weight (``num_classes``, A) of the one auxiliary classifier, see ``read_linear_weight``.

    Raises:
        ConfigError: several auxiliary networks.
        WeightsError: no such file, or it does not fit.
    """
    if len(dims) != 1:
        raise ConfigError(
            f"amu.adapter: got {path} for {len(dims)} auxiliary networks, expected one network: "
            "such a file holds the weight of one; leave it out, or the other networks"
        )
    return [read_linear_weight(path, num_classes, dims[0])]


def with_found(config: RunConfig, found: FoundFusion) -> RunConfig:
    """``config`` with the constants that a search chose."""
    return replace(config, amu=replace(config.amu, alpha=found.alpha, power=found.power))


def store_found(best: Path, config: RunConfig) -> None:
    """Let ``config`` stand in the weights ``best`` and in the folder of their run.

    The training states keep the configuration that was asked for, by which they are resumed.

    Raises:
        CheckpointError: one of the files cannot be written.
    """
    replace_config(best, run_folder.plain(config))
    run_folder.write_config(best.parent.parent, config)
