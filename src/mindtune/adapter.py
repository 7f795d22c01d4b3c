"""LoRA adapters of Hugging Face's PEFT on the way into a run, and out of one."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mindtune.config import LoRAConfig, RunConfig
from mindtune.errors import ConfigError, WeightsError
from mindtune.merging import LORA, stored_lora
from mindtune.pretrained import Pretrained, read_pretrained
from mindtune.weights.low_rank import (
    WHOLE,
    LowRankUpdate,
    bias_name,
    low_rank_updates,
    merged,
    rows_of,
    scale_of,
)
from mindtune.weights.names import to_timm
from mindtune.weights.peft_adapter import Adapter, beside_weights, merged_adapter, read_adapter
from mindtune.weights.peft_config import AdapterConfig
from mindtune.weights.peft_names import LAYOUTS, Place, modules_of
from mindtune.weights.peft_writing import HEAD, write_adapter

_BOTH = "both"
LAYOUT_CHOICES = (_BOTH, *LAYOUTS)
_OTHER_MODES = {LORA, "linear"}  # with which an adapter holds all that a run has trained


def read_weights(config: RunConfig) -> Pretrained:
    """The weights ``config.pretrained``, with the adapter ``config.adapter`` where there is one.

    Beside tuning lora its matrices come to lie beside the weights, to go on training; else they are
    merged. Its head takes the place of the file's.

    Raises:
        ConfigError: an adapter without weights, or with other settings than tuning lora has.
        UserError: weights or adapter cannot be read, or do not fit each other.
    """
    if config.pretrained is None:
        raise ConfigError("pretrained: got nothing, expected --pretrained RUN_FOLDER or FILE")
    pretrained = read_pretrained(config.pretrained, config.pretrained_key)
    if config.adapter is None:
        return pretrained
    adapter = read_adapter(config.adapter)
    tensors = to_timm(pretrained.file.tensors).tensors
    if LORA in config.tuning.modes:
        settings = config.tuning.lora
        _check_settings(settings, adapter)
        tensors = beside_weights(tensors, adapter, settings.bias == "lora_only")
    else:
        tensors = merged_adapter(tensors, adapter)
    file = dataclasses.replace(pretrained.file, tensors=tensors)
    return dataclasses.replace(pretrained, file=file)


def _check_settings(settings: LoRAConfig, adapter: Adapter) -> None:
    """An adapter goes on training with the factor it was made with."""
    scale = scale_of(settings.rank, settings.alpha, settings.rslora)
    for update in adapter.updates:
        rank = update.down.shape[0]
        if rank != settings.rank or not np.isclose(update.scale, scale):
            raise ConfigError(
                f"tuning.lora: got rank {settings.rank} and factor {scale:g}, expected those of "
                f"{adapter.folder}: rank {rank} and factor {update.scale:g} in {update.layer}; set "
                "rank, alpha and rslora so, or leave lora out of tuning.modes, which merges it"
            )


def convert_to_peft(
    source: str, folder: Path, layout: str = _BOTH, key: str | None = None
) -> tuple[int, tuple[str, ...]]:
    """Write what a LoRA run has trained as an adapter.

    Args:
        source: run folder, or its ``best.safetensors``.
        folder: new adapter.
        layout: module names of transformers 4 (``v4``), 5 (``v5``) or ``both``.
        key: ``ema`` for the averaged weights of a training state.

    Returns:
        How many tensors were written, and the names of trained tensors which no adapter can hold (a
        head other than a linear one).

    Raises:
        WeightsError: no LoRA run, one that trained more than its updates, or no ViT.
        ConfigError: unknown ``layout``.
    """
    if layout not in LAYOUT_CHOICES:
        raise ConfigError(f"--layout: got {layout!r}, expected one of {', '.join(LAYOUT_CHOICES)}")
    pretrained = read_pretrained(source, key)
    settings = stored_lora(pretrained.header)
    if settings is None:
        raise WeightsError(
            f"weights {pretrained.path}: holds no LoRA run, expected the folder of one; --to "
            "safetensors-hf writes whole networks"
        )
    _refuse_other_tunings(pretrained)
    tensors = pretrained.file.tensors
    scale = scale_of(settings.rank, settings.alpha, settings.rslora)
    updates = low_rank_updates(tensors, scale)
    heads = [name for name in tensors if name.startswith(f"{HEAD}.")]
    linear = set(heads) == {f"{HEAD}.weight", f"{HEAD}.bias"}
    values = _trained_biases(tensors, updates, settings.bias)
    values.update({(name, WHOLE): tensors[name] for name in heads if linear})
    base = pretrained.header["config"].get("pretrained")
    config = AdapterConfig(
        settings.rank,
        settings.rank if settings.alpha is None else settings.alpha,
        settings.rslora,
        settings.bias,
        settings.dropout,
        base,
    )
    layouts = tuple(LAYOUTS) if layout == _BOTH else (layout,)
    written = write_adapter(folder, config, updates, values, _num_blocks(tensors), layouts)
    return written, () if linear else tuple(heads)


def _refuse_other_tunings(pretrained: Pretrained) -> None:
    modes = pretrained.header["config"]["tuning"]["modes"]
    others = [mode for mode in modes if mode not in _OTHER_MODES]
    if others:
        raise WeightsError(
            f"weights {pretrained.path}: were trained by {', '.join(others)} beside lora, expected "
            "lora alone, which is all that an adapter holds; --to safetensors-timm writes the "
            "whole network with its updates merged"
        )


def _num_blocks(tensors: Mapping[str, Any]) -> int:
    return len({m.group(1) for m in (re.match(r"blocks\.(\d+)\.", name) for name in tensors) if m})


def _trained_biases(
    tensors: Mapping[str, np.ndarray], updates: Sequence[LowRankUpdate], bias: str
) -> dict[tuple[str, str], np.ndarray]:
    """Biases which an adapter with this setting holds, whole or by parts of packed projections."""
    plain = merged(tensors, updates)
    if bias == "lora_only":
        chosen = [(u.layer, u.part) for u in updates if bias_name(u.layer, u.part, plain)]
    elif bias == "all":
        layers = [name[: -len(".bias")] for name in plain if name.endswith(".bias")]
        named = [(layer, part) for layer in layers for part in ("q", "k", "v", WHOLE)]
        chosen = [(layer, part) for layer, part in named if modules_of(Place(layer, part))]
    else:
        return {}
    values = {}
    for layer, part in chosen:
        name = f"{layer}.bias"
        rows = plain[name].shape[0] // (1 if part == WHOLE else 3)
        values[name, part] = plain[name][rows_of(part, rows)]
    return values
