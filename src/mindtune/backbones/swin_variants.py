"""The registered Swin variants and the pre-trained configuration of each."""

from __future__ import annotations

from mindtune.backbones.registry import Builder, PretrainedConfig, register_backbone
from mindtune.backbones.swin import SwinArchitecture, SwinTransformer
from mindtune.backbones.swin_v2 import SwinTransformerV2
from mindtune.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing

_SIZES = {  # name: (width, depths, heads)
    "tiny": (96, (2, 2, 6, 2), (3, 6, 12, 24)),
    "small": (96, (2, 2, 18, 2), (3, 6, 12, 24)),
    "base": (128, (2, 2, 18, 2), (4, 8, 16, 32)),
    "large": (192, (2, 2, 18, 2), (6, 12, 24, 48)),
}
_WINDOWS = ((7, 224, 0.9), (12, 384, 1.0), (14, 224, 0.9))  # window, image, crop
_LAYOUTS = ("timm", "Hugging Face", "Microsoft", "mindspore")


def _builder(network: type[SwinTransformer], arch: SwinArchitecture) -> Builder:
    return lambda preprocessing, drop_path: network(arch, preprocessing, drop_path)


def _imagenet(size: int, crop_pct: float) -> Preprocessing:
    return Preprocessing(size, IMAGENET_MEAN, IMAGENET_STD, "bicubic", crop_pct)


def _register_swin() -> None:
    for size, (dim, depths, heads) in _SIZES.items():
        for window, image, crop_pct in _WINDOWS:
            name = f"swin_{size}_patch4_window{window}_{image}"
            pretrained = PretrainedConfig(
                preprocessing=_imagenet(image, crop_pct),
                source_names=(name, f"{name}.ms_in1k", f"{name}_22k"),
                layouts=_LAYOUTS,
                licence="MIT",
                paper="Liu et al., Swin Transformer, ICCV 2021 (arXiv:2103.14030); window 14: "
                "EsViT, Li et al., ICLR 2022 (arXiv:2106.09785)",
            )
            arch = SwinArchitecture(window, dim, depths, heads)
            register_backbone(name, _builder(SwinTransformer, arch), pretrained)


def _register_distilled() -> None:
    """The students of Feature Distillation: the form of Swin V2 at 224 pixels."""
    for size, (dim, depths, heads) in _SIZES.items():
        for window in (7, 14):
            pretrained = PretrainedConfig(
                preprocessing=_imagenet(224, 0.875),
                layouts=("timm", "Feature Distillation", "mindspore"),
                licence="MIT",
                paper="Wei et al., Feature Distillation, 2022 (arXiv:2205.14141); networks of Liu "
                "et al., Swin Transformer V2, CVPR 2022 (arXiv:2111.09883)",
            )
            arch = SwinArchitecture(window, dim, depths, heads)
            name = f"swinv2_{size}_patch4_window{window}_224"
            register_backbone(name, _builder(SwinTransformerV2, arch), pretrained)


def _register_test() -> None:
    """Two stages of 16 and 32 channels for 32 x 32 images, windows of 4 on maps of 8 and 4."""
    own = PretrainedConfig(_imagenet(32, 1.0), licence="Apache-2.0", paper="this project")
    arch = SwinArchitecture(4, 16, (2, 2), (2, 4))
    register_backbone("swin_test", _builder(SwinTransformer, arch), own)
    register_backbone("swinv2_test", _builder(SwinTransformerV2, arch), own)


_register_swin()
_register_distilled()
_register_test()
