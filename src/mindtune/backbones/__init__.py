"""Backbones: images to named features."""

from mindtune.backbones import vit_variants  # registers the variants
from mindtune.backbones.registry import (
    BackboneEntry,
    PretrainedConfig,
    backbone_entry,
    create_backbone,
    list_backbones,
    register_backbone,
)
from mindtune.backbones.vit import VisionTransformer, ViTArchitecture

__all__ = [
    "BackboneEntry",
    "PretrainedConfig",
    "ViTArchitecture",
    "VisionTransformer",
    "backbone_entry",
    "create_backbone",
    "list_backbones",
    "register_backbone",
    "vit_variants",
]
