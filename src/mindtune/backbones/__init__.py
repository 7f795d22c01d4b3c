"""Backbones: images to named features."""

from mindtune.backbones import (  # registers the variants
    beit_variants,
    clip_variants,
    swin_variants,
    vit_variants,
)
from mindtune.backbones.beit import Beit, SharedBiasViT
from mindtune.backbones.clip import CLIP
from mindtune.backbones.clip_text import CLIPTextArchitecture, CLIPTextTransformer
from mindtune.backbones.clip_variants import create_clip
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
    "CLIP",
    "BackboneEntry",
    "Beit",
    "CLIPTextArchitecture",
    "CLIPTextTransformer",
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
    "clip_variants",
    "create_backbone",
    "create_clip",
    "list_backbones",
    "register_backbone",
    "swin_variants",
    "vit_variants",
]
