"""The network that the weights of a run or of another tool make: images in, logits out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from mindspore import nn

from mindtune import assemble
from mindtune.config import RunConfig
from mindtune.engine.distributed.world import World
from mindtune.errors import ConfigError, WeightsError
from mindtune.frozen.class_texts import class_texts
from mindtune.frozen.fusion_weights import build_fusion, is_fusion, load_fusion, read_adapter
from mindtune.frozen.towers import FeatureTowers, identities_of, read_towers
from mindtune.heads.logit_fusion import LogitFusion
from mindtune.networks.fused_classifier import FrozenTowers, FusedClassifier
from mindtune.pretrained import Pretrained, load_for_evaluation

_ALONE = World()  # every rank reads its own; ranks are made equal by who asks for the network

Say = Callable[[str], None]

_WITHOUT_CLASSIFIER = ("feature_distillation", "ibot", "smkd", "contrastive")  # methods


def trained_network(
    config: RunConfig, pretrained: Pretrained, num_classes: int, say: Say
) -> nn.Cell:
    """Backbone and head with their weights, or for method amu a ``FusedClassifier``.

    The weights of the latter are a run, whose CLIP and auxiliary networks are read from where it
    found them or from ``amu.clip`` and ``amu.auxiliary``; or a CLIP, beside ``amu.adapter``.

    Args:
        config: of the run.
        pretrained: the weights.
        num_classes: K.
        say: is told what was loaded.

    Returns:
        The network, which says its ``preprocessing``.

    Raises:
        UserError: weights and configuration do not fit each other.
    """
    if config.method == "amu":
        return _fused(config, pretrained, num_classes, say)
    _check_classifies(pretrained)
    network = assemble.build_classifier(config, num_classes, pretrained.preprocessing)
    say(load_for_evaluation(network, pretrained, config.position_resize).summary())
    return network


def _check_classifies(pretrained: Pretrained) -> None:
    method = pretrained.header.get("config", {}).get("method")
    if method in _WITHOUT_CLASSIFIER:
        raise WeightsError(
            f"weights {pretrained.path}: got those of method {method}, which has no classifier "
            "yet: tune it first, train.py --pretrained; or judge its features, "
            "eval.py --protocol knn"
        )


def _fused(
    config: RunConfig, pretrained: Pretrained, num_classes: int, say: Say
) -> FusedClassifier:
    if is_fusion(pretrained):
        towers = read_towers(_with_clip_of(config, pretrained), _ALONE, say)
        _check_towers(towers, pretrained)
        fusion = _fusion_of_run(config, towers, pretrained, num_classes, say)
    else:
        towers = read_towers(config, _ALONE, say, pretrained)
        fusion = _fusion_of_adapter(config, towers, num_classes)
    every = towers.all
    cells = FrozenTowers([t.network for t in every], [t.preprocessing for t in every])
    return FusedClassifier(cells, fusion, towers.image.preprocessing)


def _with_clip_of(config: RunConfig, pretrained: Pretrained) -> RunConfig:
    """``config`` with the CLIP of the run that wrote ``pretrained``."""
    run = pretrained.header.get("config", {})
    clip = config.amu.clip or run.get("pretrained")
    return replace(config, pretrained=clip, pretrained_key=run.get("pretrained_key"))


def _check_towers(towers: FeatureTowers, pretrained: Pretrained) -> None:
    """Refuse other networks than those of training, under which the classifiers mean nothing."""
    stored = [one["weights"] for one in pretrained.header.get("frozen_networks", [])]
    present = [one["weights"] for one in identities_of(towers)]
    if not stored or stored == present:
        return
    number = next((i for i, pair in enumerate(zip(stored, present)) if pair[0] != pair[1]), None)
    which = "their number" if number is None else f"auxiliary {number}" if number else "the CLIP"
    raise WeightsError(
        f"weights {pretrained.path}: were trained on other frozen networks ({which} differs), "
        "expected the same; give their files as --amu.clip and --amu.auxiliary (networks of "
        "random weights are stored nowhere)"
    )


def _fusion_of_run(
    config: RunConfig, towers: FeatureTowers, pretrained: Pretrained, num_classes: int, say: Say
) -> LogitFusion:
    texts = np.zeros((towers.image.width, num_classes), np.float32)
    fusion = build_fusion(config.amu, texts, [tower.width for tower in towers.auxiliary])
    say(load_fusion(fusion, pretrained).summary())
    return fusion


def _fusion_of_adapter(config: RunConfig, towers: FeatureTowers, num_classes: int) -> LogitFusion:
    if config.amu.adapter is None:
        raise ConfigError(
            "pretrained: got no run of method amu, expected one, or the file of a trained adapter "
            "beside this CLIP as --amu.adapter FILE"
        )
    dims = [tower.width for tower in towers.auxiliary]
    starts = read_adapter(config.amu.adapter, num_classes, dims)
    splits = assemble.build_splits(config, print)
    names = splits.open(splits.final_split).class_names
    texts = class_texts(config, towers.clip, towers.source, names, _ALONE)
    return build_fusion(config.amu, texts, dims, starts)
