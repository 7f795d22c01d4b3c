"""Keys of method contrastive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass
class ContrastiveConfig:
    """Loss of method contrastive, see docs/clip_training.md.

    Attributes:
        positives: which texts of a batch belong to an image; class are all of its class, as in
            UniCL, clip its own alone.
    """

    positives: Literal["class", "clip"] = "class"
