"""Backbones: images to named features."""

from mindtune.backbones import swin_variants, vit_variants  # registers the variants
from mindtune.backbones.registry import (
    BackboneEntry,
    PretrainedConfig,
    backbone_entry,
    create_backbone,
    list_backbones,
    register_backbone,
)
from mindtune.backbones.swin import SwinArchitecture, SwinTransformer
from mindtune.backbones.swin_v2 import SwinTransformerV2
from mindtune.backbones.vit import VisionTransformer, ViTArchitecture

__all__ = [
    "BackboneEntry",
    "PretrainedConfig",
    "SwinArchitecture",
    "SwinTransformer",
    "SwinTransformerV2",
    "ViTArchitecture",
    "VisionTransformer",
    "backbone_entry",
    "create_backbone",
    "list_backbones",
    "register_backbone",
    "swin_variants",
    "vit_variants",
]
