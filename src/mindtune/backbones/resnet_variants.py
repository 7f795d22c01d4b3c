"""The registered ResNets and the pre-trained configuration of each."""

from __future__ import annotations

from mindtune.backbones.registry import Builder, PretrainedConfig, register_backbone
from mindtune.backbones.resnet import ResNet, ResNetArchitecture
from mindtune.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing

_LAYOUTS = ("torchvision", "timm", "MoCo", "mindspore")


def _builder(arch: ResNetArchitecture) -> Builder:
    return lambda preprocessing, drop_path: ResNet(arch, preprocessing, drop_path)


def _register() -> None:
    torchvision = PretrainedConfig(
        Preprocessing(224, IMAGENET_MEAN, IMAGENET_STD, "bilinear", crop_pct=0.875),
        source_names=("resnet50", "r-50-1000ep.pth.tar", "r-50-300ep.pth.tar"),
        layouts=_LAYOUTS,
        licence="BSD-3-Clause (torchvision); CC-BY-NC-4.0 (MoCo v3)",
        paper="He et al., Deep Residual Learning for Image Recognition, CVPR 2016; Chen et al., An "
        "Empirical Study of Training Self-Supervised Vision Transformers, ICCV 2021 (MoCo v3)",
    )
    register_backbone("resnet50", _builder(ResNetArchitecture((3, 4, 6, 3))), torchvision)
    own = PretrainedConfig(
        Preprocessing(32, IMAGENET_MEAN, IMAGENET_STD, "bilinear", crop_pct=1.0),
        layouts=_LAYOUTS,
        licence="Apache-2.0",
        paper="this project",
    )
    tiny = ResNetArchitecture((1, 2, 1, 1), width=3, stem_width=3)
    register_backbone("resnet_test", _builder(tiny), own)


_register()
