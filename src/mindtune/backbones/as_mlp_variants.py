"""The registered AS-MLP variants and the pre-trained configuration of each."""

from __future__ import annotations

from mindtune.backbones.as_mlp import ASMLP, ASMLPArchitecture
from mindtune.backbones.registry import Builder, PretrainedConfig, register_backbone
from mindtune.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing

_ARCHITECTURES = {
    "tiny": ASMLPArchitecture((2, 2, 6, 2), 96),
    "small": ASMLPArchitecture((2, 2, 18, 2), 96),
    "base": ASMLPArchitecture((2, 2, 18, 2), 128),
}
_TEST = ASMLPArchitecture((1, 1, 2, 1), 6)


def _builder(arch: ASMLPArchitecture) -> Builder:
    return lambda preprocessing, drop_path: ASMLP(arch, preprocessing, drop_path)


def _register() -> None:
    layouts = ("AS-MLP authors", "mindspore")
    imagenet = Preprocessing(224, IMAGENET_MEAN, IMAGENET_STD, "bicubic", crop_pct=0.9)
    for size, arch in _ARCHITECTURES.items():
        pretrained = PretrainedConfig(
            preprocessing=imagenet,
            source_names=(f"as_{size}_patch4_window7_224", f"asmlp_{size}_patch4_shift5_224"),
            layouts=layouts,
            licence="MIT",
            paper="Lian et al., AS-MLP: An Axial Shifted MLP Architecture for Vision, ICLR 2022 "
            "(arXiv:2107.08391)",
        )
        register_backbone(f"as_mlp_{size}", _builder(arch), pretrained)
    own = PretrainedConfig(
        Preprocessing(32, IMAGENET_MEAN, IMAGENET_STD, "bicubic", crop_pct=1.0),
        layouts=layouts,
        licence="Apache-2.0",
        paper="this project",
    )
    register_backbone("as_mlp_test", _builder(_TEST), own)


_register()
