"""The published CLIP networks: their image towers as backbones, both towers by ``create_clip``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from mindtune.backbones.clip import CLIP
from mindtune.backbones.clip_resnet import CLIPResNetArchitecture, ModifiedResNet
from mindtune.backbones.clip_text import CLIPTextArchitecture
from mindtune.backbones.clip_vit import CLIPVisionArchitecture, CLIPVisionTransformer
from mindtune.backbones.registry import Builder, PretrainedConfig, register_backbone
from mindtune.errors import ConfigError, nearest
from mindtune.preprocessing import CLIP_MEAN, CLIP_STD, Preprocessing


@dataclass(frozen=True)
class CLIPVariant:
    """Both towers of a published CLIP, and the side of its images in pixels."""

    vision: CLIPVisionArchitecture | CLIPResNetArchitecture
    text: CLIPTextArchitecture
    image_size: int
    source_names: tuple[str, ...]


def _vit(patch: int, width: int, depth: int, text_width: int, dim: int, *names: str) -> CLIPVariant:
    vision = CLIPVisionArchitecture(patch, width, depth, width // 64)
    text = CLIPTextArchitecture(text_width, text_width // 64, dim)
    return CLIPVariant(vision, text, 224, names)


def _resnet(
    layers: tuple[int, int, int, int], width: int, text_width: int, dim: int, size: int, name: str
) -> CLIPVariant:
    vision = CLIPResNetArchitecture(layers, width, dim)
    text = CLIPTextArchitecture(text_width, text_width // 64, dim)
    return CLIPVariant(vision, text, size, (name,))


CLIP_VARIANTS = {
    "vit_base_patch32_clip_224": _vit(
        32, 768, 12, 512, 512, "ViT-B/32", "ViT-B-32", "openai/clip-vit-base-patch32"
    ),
    "vit_base_patch16_clip_224": _vit(
        16, 768, 12, 512, 512, "ViT-B/16", "ViT-B-16", "openai/clip-vit-base-patch16"
    ),
    "vit_large_patch14_clip_224": _vit(
        14, 1024, 24, 768, 768, "ViT-L/14", "ViT-L-14", "openai/clip-vit-large-patch14"
    ),
    "resnet50_clip": _resnet((3, 4, 6, 3), 64, 512, 1024, 224, "RN50"),
    "resnet101_clip": _resnet((3, 4, 23, 3), 64, 512, 512, 224, "RN101"),
    "resnet50x4_clip": _resnet((4, 6, 10, 6), 80, 640, 640, 288, "RN50x4"),
    "resnet50x16_clip": _resnet((6, 8, 18, 8), 96, 768, 768, 384, "RN50x16"),
}

_SMALL_VARIANTS = {
    "vit_mini_patch4_clip_32": CLIPVariant(  # for CIFAR on a laptop, trained here
        CLIPVisionArchitecture(4, 96, 4, 3),
        CLIPTextArchitecture(64, 2, 64, depth=2, context_length=32, vocab_size=1024),
        32,
        (),
    ),
    "vit_clip_test": CLIPVariant(
        CLIPVisionArchitecture(8, 64, 2, 1),
        CLIPTextArchitecture(64, 1, 24, depth=1, context_length=16, vocab_size=80),
        32,
        (),
    ),
    "resnet_clip_test": CLIPVariant(
        CLIPResNetArchitecture((1, 1, 1, 1), 8, 24),
        CLIPTextArchitecture(64, 1, 24, depth=1, context_length=16, vocab_size=80),
        64,
        (),
    ),
}


def create_clip(name: str, image_size: int | None = None) -> CLIP:
    """Both towers of a published CLIP with random weights.

    Args:
        name: the name of its backbone (``vit_base_patch32_clip_224``) or OpenAI's (``ViT-B/32``).
        image_size: side of the images in pixels; default: the size it was trained at.

    Raises:
        ConfigError: unknown name (the nearest one is given), or a size that does not divide.
    """
    known = {**CLIP_VARIANTS, **_SMALL_VARIANTS}
    for variant in CLIP_VARIANTS.values():
        known.update(dict.fromkeys(variant.source_names, variant))
    if name not in known:
        raise ConfigError(f"clip: got {name!r}, expected a published CLIP{nearest(name, known)}")
    found = known[name]
    return CLIP(found.vision, found.text, image_size or found.image_size)


def _builder(arch: CLIPVisionArchitecture | CLIPResNetArchitecture) -> Builder:
    if isinstance(arch, CLIPVisionArchitecture):
        return partial(CLIPVisionTransformer, arch)
    return partial(_resnet_without_drop_path, arch)


def _resnet_without_drop_path(
    arch: CLIPResNetArchitecture, preprocessing: Preprocessing, drop_path: float
) -> ModifiedResNet:
    if drop_path:
        raise ConfigError(
            f"backbone.drop_path: got {drop_path}, expected 0: CLIP's ResNets have none"
        )
    return ModifiedResNet(arch, preprocessing)


def _register(
    name: str,
    vision: CLIPVisionArchitecture | CLIPResNetArchitecture,
    image_size: int,
    source_names: tuple[str, ...],
) -> None:
    pretrained = PretrainedConfig(
        preprocessing=Preprocessing(image_size, CLIP_MEAN, CLIP_STD, "bicubic", crop_pct=1.0),
        source_names=source_names,
        layouts=("OpenAI", "OpenAI TorchScript", "Hugging Face CLIP", "timm"),
        licence="MIT",
        paper="Radford et al., Learning transferable visual models, ICML 2021 (arXiv:2103.00020)",
    )
    register_backbone(name, _builder(vision), pretrained)


for _name, _variant in {**CLIP_VARIANTS, **_SMALL_VARIANTS}.items():
    _register(_name, _variant.vision, _variant.image_size, _variant.source_names)
