"""Weights of a LoRA run as weights of its plain backbone."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any, TypeVar

from mindtune.config import LoRAConfig, RunConfig
from mindtune.pretrained import Pretrained
from mindtune.weights.low_rank import is_of_lora, low_rank_updates, merged, scale_of

LORA = "lora"
_PLAIN = "linear"  # the mode that leaves a backbone as it is
Config = TypeVar("Config", bound=RunConfig)


def without_lora(config: Config, pretrained: Pretrained) -> tuple[Config, Pretrained]:
    """The network of ``config`` and its weights with every update merged; others come back as is.

    The factor of the updates comes from ``config``, since a file holds the matrices alone.
    """
    if not any(is_of_lora(name) for name in pretrained.file.tensors):
        return config, pretrained
    tuning = dataclasses.replace(config.tuning, modes=_other_modes(config.tuning.modes))
    plain = dataclasses.replace(config, tuning=tuning)
    return plain, merged_weights(pretrained, config.tuning.lora)


def merged_weights(pretrained: Pretrained, settings: LoRAConfig) -> Pretrained:
    """``pretrained`` with its updates added to the weights, its header saying so."""
    scale = scale_of(settings.rank, settings.alpha, settings.rslora)
    tensors = pretrained.file.tensors
    plain = merged(tensors, low_rank_updates(tensors, scale))
    file = dataclasses.replace(pretrained.file, tensors=plain)
    return Pretrained(file, _header_without_lora(pretrained.header))


def stored_lora(header: dict[str, Any]) -> LoRAConfig | None:
    """The settings which the header of one of our files holds; None: it is no LoRA run's."""
    tuning = header.get("config", {}).get("tuning", {})
    return LoRAConfig(**tuning[LORA]) if LORA in tuning.get("modes", ()) else None


def _header_without_lora(header: dict[str, Any]) -> dict[str, Any]:
    changed = copy.deepcopy(header)
    if LORA in changed.get("config", {}).get("tuning", {}).get("modes", ()):
        tuning = changed["config"]["tuning"]
        tuning["modes"] = _other_modes(tuning["modes"])
    return changed


def _other_modes(modes: list[str]) -> list[str]:
    return [mode for mode in modes if mode != LORA] or [_PLAIN]
