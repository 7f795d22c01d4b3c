"""The registered ViT variants and the pre-trained configuration of each."""

from __future__ import annotations

from mindtune.backbones.registry import Builder, PretrainedConfig, register_backbone
from mindtune.backbones.vit import VisionTransformer, ViTArchitecture
from mindtune.preprocessing import (
    IMAGENET_MEAN,
    IMAGENET_STD,
    INCEPTION_MEAN,
    INCEPTION_STD,
    Preprocessing,
)

_WIDTHS = {  # name: (width, depth, heads)
    "tiny": (192, 12, 3),
    "small": (384, 12, 6),
    "base": (768, 12, 12),
    "large": (1024, 24, 16),
    "huge": (1280, 32, 16),
}
_DINO = (("small", 16), ("small", 8), ("base", 16), ("base", 8))
_DINO_V2_LAYER_SCALE = 1e-5
_AUGREG_FILES = {  # the ImageNet-21k files that the Moment Probing recipes start from
    "vit_tiny_patch16_224": "Ti_16-i21k-300ep-lr_0.001-aug_none-wd_0.03-do_0.0-sd_0.0.npz",
    "vit_small_patch16_224": "S_16-i21k-300ep-lr_0.001-aug_light1-wd_0.03-do_0.0-sd_0.0.npz",
    "vit_base_patch16_224": "B_16-i21k-300ep-lr_0.001-aug_medium1-wd_0.1-do_0.0-sd_0.0.npz",
}
_AUGREG = Preprocessing(224, INCEPTION_MEAN, INCEPTION_STD, "bicubic", crop_pct=0.9)
_TEST = Preprocessing(32, INCEPTION_MEAN, INCEPTION_STD, "bicubic", crop_pct=1.0)


def _builder(arch: ViTArchitecture) -> Builder:
    return lambda preprocessing, drop_path: VisionTransformer(arch, preprocessing, drop_path)


def _register_published() -> None:
    for size, (dim, depth, heads) in _WIDTHS.items():
        for patch in (8, 14, 16, 32):
            name = f"vit_{size}_patch{patch}_224"
            source = (name, f"{name}_in21k", _AUGREG_FILES.get(name, ""))
            pretrained = PretrainedConfig(
                preprocessing=_AUGREG,
                source_names=tuple(s for s in source if s),
                licence="Apache-2.0",
                paper="Steiner et al., How to train your ViT?, TMLR 2022 (arXiv:2106.10270)",
            )
            register_backbone(name, _builder(ViTArchitecture(patch, dim, depth, heads)), pretrained)


def _register_self_supervised() -> None:
    """DINO's and DINOv2's networks; those of the second have layer scale and patches of 14."""
    for size, patch in _DINO:
        arch = ViTArchitecture(patch, *_WIDTHS[size])
        pretrained = PretrainedConfig(
            preprocessing=Preprocessing(224, IMAGENET_MEAN, IMAGENET_STD, "bicubic", 0.9),
            source_names=(f"vit_{size}_patch{patch}_224.dino", f"dino_vit{size}{patch}_pretrain"),
            layouts=("timm", "DINO", "mindspore"),
            licence="Apache-2.0",
            paper="Caron et al., DINO, ICCV 2021 (arXiv:2104.14294)",
        )
        register_backbone(f"vit_{size}_patch{patch}_224_dino", _builder(arch), pretrained)
    for size in ("small", "base", "large"):
        arch = ViTArchitecture(14, *_WIDTHS[size], init_values=_DINO_V2_LAYER_SCALE)
        pretrained = PretrainedConfig(
            preprocessing=Preprocessing(518, IMAGENET_MEAN, IMAGENET_STD, "bicubic", 1.0),
            source_names=(f"vit_{size}_patch14_dinov2.lvd142m", f"dinov2_vit{size[0]}14_pretrain"),
            layouts=("timm", "mindspore"),
            licence="Apache-2.0",
            paper="Oquab et al., DINOv2, TMLR 2024 (arXiv:2304.07193)",
        )
        register_backbone(f"vit_{size}_patch14_dinov2", _builder(arch), pretrained)


def _register_small() -> None:
    """Networks for images of a few pixels: tests, the quick start, CIFAR on a laptop."""
    own = PretrainedConfig(preprocessing=_TEST, licence="Apache-2.0", paper="this project")
    register_backbone("vit_test", _builder(ViTArchitecture(8, 24, 2, 3)), own)
    scaled = ViTArchitecture(8, 24, 2, 3, init_values=_DINO_V2_LAYER_SCALE)
    register_backbone("vit_layer_scale_test", _builder(scaled), own)
    digits = PretrainedConfig(
        preprocessing=Preprocessing(16, INCEPTION_MEAN, INCEPTION_STD, "bicubic", crop_pct=1.0),
        licence="Apache-2.0",
        paper="this project (scripts/pretrain_digits.py)",
    )
    register_backbone("vit_digits_patch4_16", _builder(ViTArchitecture(4, 64, 4, 4)), digits)
    register_backbone("vit_mini_patch4_32", _builder(ViTArchitecture(4, 96, 4, 3)), own)


_register_published()
_register_self_supervised()
_register_small()
