"""Backbones by name, each with the pre-trained configuration its weights were made for."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mindspore import nn

from mindtune.errors import ConfigError, nearest
from mindtune.preprocessing import Preprocessing

Builder = Callable[[Preprocessing, float], nn.Cell]


@dataclass(frozen=True)
class PretrainedConfig:
    """What is known of a variant's published weights.

    Attributes:
        preprocessing: input size, mean, std, interpolation, crop of these weights.
        source_names: names under which the weights are known elsewhere.
        layouts: file layouts that load without conversion.
        licence: of the published weights.
        paper: where the weights come from.
    """

    preprocessing: Preprocessing
    source_names: tuple[str, ...] = ()
    layouts: tuple[str, ...] = ("timm", "augreg npz", "Hugging Face", "mindspore")
    licence: str = ""
    paper: str = ""


@dataclass(frozen=True)
class BackboneEntry:
    """A registered variant."""

    name: str
    build: Builder
    pretrained: PretrainedConfig


_ENTRIES: dict[str, BackboneEntry] = {}


def register_backbone(name: str, build: Builder, pretrained: PretrainedConfig) -> None:
    """Make ``name`` available to ``create_backbone``; a name is registered once."""
    if name in _ENTRIES:
        raise ValueError(f"backbone {name!r} is registered twice")
    _ENTRIES[name] = BackboneEntry(name, build, pretrained)


def list_backbones(pattern: str = "*") -> list[str]:
    """Registered names matching a shell pattern such as ``vit_*_patch16_*``, sorted."""
    return sorted(fnmatch.filter(_ENTRIES, pattern))


def backbone_entry(name: str) -> BackboneEntry:
    """The registered variant ``name``.

    Raises:
        ConfigError: unknown name; the nearest one is given.
    """
    if name not in _ENTRIES:
        raise ConfigError(
            f"backbone.name: got {name!r}, expected a registered backbone{nearest(name, _ENTRIES)}"
        )
    return _ENTRIES[name]


def create_backbone(
    name: str,
    image_size: int | None = None,
    drop_path: float = 0.0,
    preprocessing: Mapping[str, Any] | None = None,
) -> nn.Cell:
    """Build a backbone with random weights.

    Args:
        name: one of ``list_backbones()``.
        image_size: side of the input, pixels; default: the size its weights were trained at.
        drop_path: stochastic-depth rate of the last block, rising linearly from 0.
        preprocessing: fields of ``Preprocessing`` for weights made with others than the registered
            ones, such as ``{"mean": IMAGENET_MEAN}``.

    Raises:
        ConfigError: unknown name, or a size that the patches do not divide.
    """
    entry = backbone_entry(name)
    settings = entry.pretrained.preprocessing.updated(preprocessing or {})
    return entry.build(settings.updated({"input_size": image_size}), drop_path)
