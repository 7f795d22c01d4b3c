"""Random erasing (Zhong et al., arXiv:1708.04896) with per-pixel noise, on normalised images."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mindtune.errors import ConfigError

_TRIES = 10


@dataclass(frozen=True)
class RandomErasing:
    """Fill one box of an image with standard normal noise, each pixel and channel its own.

    timm's "pixel" mode (moment probing spec 4.1). It follows mixup, and each sample draws its own
    box, so a partner's pixels are erased too.

    Attributes:
        prob: probability that a sample is erased; 0 turns erasing off.
        min_area: smallest share of the image's area.
        max_area: largest share of the image's area.
        min_aspect: smallest height / width of the box; the largest is its inverse.
    """

    prob: float = 0.25
    min_area: float = 0.02
    max_area: float = 1 / 3
    min_aspect: float = 0.3

    def __post_init__(self) -> None:
        if not 0 <= self.prob <= 1:
            raise ConfigError(f"erasing prob: got {self.prob}, expected 0 <= value <= 1")
        if not 0 < self.min_area <= self.max_area <= 1:
            raise ConfigError(
                f"erasing area: got min_area {self.min_area} and max_area {self.max_area}, "
                "expected 0 < min_area <= max_area <= 1"
            )
        if not 0 < self.min_aspect <= 1:
            raise ConfigError(f"erasing min_aspect: got {self.min_aspect}, expected 0 < value <= 1")

    def __call__(self, images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Erase IN PLACE (a copy would cost more than the erasing) and return the same array.

        Args:
            images: normalised float32 (B, C, H, W), writable.
            rng: the batch's own generator, see ``randomness.batch_rng``.
        """
        height, width = images.shape[2:]
        for index in np.flatnonzero(rng.random(len(images)) < self.prob):
            box = self._draw_box(height, width, rng)
            if box is not None:
                rows, columns = box
                hole = images[index, :, rows, columns]  # (C, h, w)
                hole[...] = rng.standard_normal(hole.shape, dtype=np.float32)
        return images

    def _draw_box(
        self, height: int, width: int, rng: np.random.Generator
    ) -> tuple[slice, slice] | None:
        """Rows and columns of a box that is smaller than the image, if ten draws find one."""
        log_aspect = math.log(self.min_aspect)
        for _ in range(_TRIES):
            area = height * width * rng.uniform(self.min_area, self.max_area)
            aspect = math.exp(rng.uniform(log_aspect, -log_aspect))
            h, w = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if h < height and w < width:
                top = int(rng.integers(height - h + 1))
                left = int(rng.integers(width - w + 1))
                return slice(top, top + h), slice(left, left + w)
        return None
