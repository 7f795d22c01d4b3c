"""Key group of the backbone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional


@dataclass
class BackboneConfig:
    """Network that turns images into features.

    Attributes:
        name: a registered backbone, see mindtune.list_backbones().
        image_size: side of the input in pixels; default: the one of the pre-trained weights.
        drop_path: stochastic-depth rate of the last block.
    """

    name: str = "vit_base_patch16_224"
    image_size: Optional[int] = None
    drop_path: float = 0.0
