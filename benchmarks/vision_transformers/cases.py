"""What is computed: inference and train steps of ViT-B/16 and Swin-T, and the same tiny."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

CLASSES = 1000


@dataclass(frozen=True)
class Case:
    """A network and what it does; ``modes`` and ``head`` are those of a run's configuration."""

    name: str
    backbone: str
    batch: int
    image_size: int = 224
    modes: tuple[str, ...] = ("full",)
    head: str = "linear"
    trains: bool = True
    head_width: int = 512

    def batch_of(self) -> tuple[np.ndarray, np.ndarray]:
        """Images (B, 3, S, S), and labels as rows of ones and zeros (B, K)."""
        rng = np.random.default_rng(0)
        images = rng.standard_normal((self.batch, 3, *[self.image_size] * 2), np.float32)
        return images, np.eye(CLASSES, dtype=np.float32)[rng.integers(0, CLASSES, self.batch)]


_VIT = "vit_base_patch16_224"
CASES = {
    case.name: case
    for case in (
        Case("vit_b_infer", _VIT, 8, trains=False),
        Case("vit_b_mp_step", _VIT, 4, modes=("linear",), head="moment"),
        Case("vit_b_mp_plus_step", _VIT, 4, modes=("psrp",), head="moment"),
        Case("vit_b_full_step", _VIT, 4),
        Case("swin_t_infer", "swin_tiny_patch4_window7_224", 8, trains=False),
    )
}


def tiny(case: Case) -> Case:
    """The same of a network of some thousand weights, to test the script with."""
    vit = case.backbone == _VIT
    backbone, size = ("vit_test", 32) if vit else ("swin_test", 32)
    return replace(case, backbone=backbone, image_size=size, batch=2, head_width=32)
