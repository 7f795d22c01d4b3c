"""The registered ViTs with relative position biases and the configuration of each."""

from __future__ import annotations

from mindtune.backbones.beit import Beit, RelativeViT, SharedBiasViT
from mindtune.backbones.registry import Builder, PretrainedConfig, register_backbone
from mindtune.backbones.vit import ViTArchitecture
from mindtune.preprocessing import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    INCEPTION_MEAN,
    INCEPTION_STD,
    Preprocessing,
)

_LAYER_SCALE = 0.1
_BASE = ViTArchitecture(16, 768, 12, 12, init_values=_LAYER_SCALE)
_LARGE = ViTArchitecture(16, 1024, 24, 16, init_values=_LAYER_SCALE)
_LARGE_14 = ViTArchitecture(14, 1024, 24, 16, init_values=_LAYER_SCALE)
_MINI = ViTArchitecture(4, 96, 4, 3, init_values=_LAYER_SCALE)
_TEST = ViTArchitecture(8, 24, 2, 3, init_values=_LAYER_SCALE)


def _builder(network: type[RelativeViT], arch: ViTArchitecture) -> Builder:
    return lambda preprocessing, drop_path: network(arch, preprocessing, drop_path)


def _register_beit() -> None:
    pretrained = PretrainedConfig(
        preprocessing=Preprocessing(224, INCEPTION_MEAN, INCEPTION_STD, "bicubic", 0.9),
        layouts=("timm", "Microsoft", "mindspore"),
        licence="Apache-2.0",
        paper="Bao et al., BEiT, ICLR 2022 (arXiv:2106.08254)",
    )
    register_backbone("beit_base_patch16_224", _builder(Beit, _BASE), pretrained)
    register_backbone("beit_large_patch16_224", _builder(Beit, _LARGE), pretrained)


def _register_distilled() -> None:
    """Feature Distillation: the student of its first phase, and the network it fine-tunes.

    Its authors train with ImageNet's mean and std but validate with CLIP's
    (``--preprocessing.mean``), which the published accuracies carry.
    """
    pretrained = PretrainedConfig(
        preprocessing=Preprocessing(224, IMAGENET_MEAN, IMAGENET_STD, "bicubic", 0.875),
        layouts=("timm", "Feature Distillation", "mindspore"),
        licence="MIT",
        paper="Wei et al., Feature Distillation, 2022 (arXiv:2205.14141)",
    )
    own = PretrainedConfig(
        preprocessing=Preprocessing(32, IMAGENET_MEAN, IMAGENET_STD, "bicubic", 1.0),
        licence="Apache-2.0",
        paper="this project",
    )
    for name, arch, config in (
        ("fd_vit_base_patch16_224", _BASE, pretrained),
        ("fd_vit_large_patch14_224", _LARGE_14, pretrained),
        ("fd_vit_mini_patch4_32", _MINI, own),
        ("fd_vit_test", _TEST, own),
    ):
        register_backbone(name, _builder(Beit, arch), config)
        register_backbone(f"{name}_student", _builder(SharedBiasViT, arch), config)


_register_beit()
_register_distilled()
