"""Backbones: images to named features."""

from mindtune.backbones import (  # registers the variants
    as_mlp_variants,
    beit_variants,
    clip_variants,
    convnext_variants,
    resnet_variants,
    swin_variants,
    vit_variants,
)
from mindtune.backbones.as_mlp import ASMLP, ASMLPArchitecture
from mindtune.backbones.beit import Beit, SharedBiasViT
from mindtune.backbones.clip import CLIP
from mindtune.backbones.clip_text import CLIPTextArchitecture, CLIPTextTransformer
from mindtune.backbones.clip_variants import create_clip
from mindtune.backbones.convnext import ConvNeXt, ConvNeXtArchitecture
from mindtune.backbones.multi_crop_vit import MaskedViT, MultiCropViT
from mindtune.backbones.registry import (
    BackboneEntry,
    PretrainedConfig,
    backbone_entry,
    create_backbone,
    list_backbones,
    register_backbone,
)
from mindtune.backbones.resnet import ResNet, ResNetArchitecture
from mindtune.backbones.swin import SwinArchitecture, SwinTransformer
from mindtune.backbones.swin_v2 import SwinTransformerV2
from mindtune.backbones.vit import VisionTransformer, ViTArchitecture

__all__ = [
    "ASMLP",
    "CLIP",
    "ASMLPArchitecture",
    "BackboneEntry",
    "Beit",
    "CLIPTextArchitecture",
    "CLIPTextTransformer",
    "ConvNeXt",
    "ConvNeXtArchitecture",
    "MaskedViT",
    "MultiCropViT",
    "PretrainedConfig",
    "ResNet",
    "ResNetArchitecture",
    "SharedBiasViT",
    "SwinArchitecture",
    "SwinTransformer",
    "SwinTransformerV2",
    "ViTArchitecture",
    "VisionTransformer",
    "as_mlp_variants",
    "backbone_entry",
    "beit_variants",
    "clip_variants",
    "convnext_variants",
    "create_backbone",
    "create_clip",
    "list_backbones",
    "register_backbone",
    "resnet_variants",
    "swin_variants",
    "vit_variants",
]
