"""The registered ConvNeXt variants and the pre-trained configuration of each."""

from __future__ import annotations

from mindtune.backbones.convnext import ConvNeXt, ConvNeXtArchitecture
from mindtune.backbones.registry import Builder, PretrainedConfig, register_backbone
from mindtune.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing

_ARCHITECTURES = {
    "tiny": ConvNeXtArchitecture((3, 3, 9, 3), (96, 192, 384, 768)),
    "small": ConvNeXtArchitecture((3, 3, 27, 3), (96, 192, 384, 768)),
    "base": ConvNeXtArchitecture((3, 3, 27, 3), (128, 256, 512, 1024)),
    "large": ConvNeXtArchitecture((3, 3, 27, 3), (192, 384, 768, 1536)),
}
_TEST = ConvNeXtArchitecture((1, 1, 2, 1), (8, 12, 16, 24))


def _builder(arch: ConvNeXtArchitecture) -> Builder:
    return lambda preprocessing, drop_path: ConvNeXt(arch, preprocessing, drop_path)


def _register() -> None:
    layouts = ("timm", "Facebook", "Hugging Face", "mindspore")
    imagenet = Preprocessing(224, IMAGENET_MEAN, IMAGENET_STD, "bicubic", crop_pct=0.875)
    for size, arch in _ARCHITECTURES.items():
        name = f"convnext_{size}"
        pretrained = PretrainedConfig(
            preprocessing=imagenet,
            source_names=(name, f"{name}_in22k", f"{name}_1k_224", f"{name}_22k_224"),
            layouts=layouts,
            licence="MIT",
            paper="Liu et al., A ConvNet for the 2020s, CVPR 2022 (arXiv:2201.03545)",
        )
        register_backbone(name, _builder(arch), pretrained)
    own = PretrainedConfig(
        Preprocessing(32, IMAGENET_MEAN, IMAGENET_STD, "bicubic", crop_pct=1.0),
        layouts=layouts,
        licence="Apache-2.0",
        paper="this project",
    )
    register_backbone("convnext_test", _builder(_TEST), own)


_register()
