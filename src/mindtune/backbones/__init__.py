"""Backbones: images to named features."""

from mindtune.backbones import (  # registers the variants
    beit_variants,
    swin_variants,
    vit_variants,
)
from mindtune.backbones.beit import Beit, SharedBiasViT
from mindtune.backbones.multi_crop_vit import MaskedViT, MultiCropViT
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
    "Beit",
    "MaskedViT",
    "MultiCropViT",
    "PretrainedConfig",
    "SharedBiasViT",
    "SwinArchitecture",
    "SwinTransformer",
    "SwinTransformerV2",
    "ViTArchitecture",
    "VisionTransformer",
    "backbone_entry",
    "beit_variants",
    "create_backbone",
    "list_backbones",
    "register_backbone",
    "swin_variants",
    "vit_variants",
]
