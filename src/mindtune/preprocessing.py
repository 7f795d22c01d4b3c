"""How images must be prepared for a set of weights; this travels with the weights."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from mindtune.errors import UserError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
INCEPTION_MEAN = (0.5, 0.5, 0.5)
INCEPTION_STD = (0.5, 0.5, 0.5)

INTERPOLATIONS = ("bicubic", "bilinear", "nearest", "lanczos")


@dataclass(frozen=True)
class Preprocessing:
    """Input size and pixel statistics that a pre-trained network expects.

    Attributes:
        input_size: side of the square input, pixels.
        mean: per-channel mean of RGB values in [0, 1].
        std: per-channel standard deviation of RGB values in [0, 1].
        interpolation: PIL resampling filter, one of ``INTERPOLATIONS``; always PIL's own result.
        crop_pct: share of the resized shorter side that the evaluation crop keeps, in (0, 1].
    """

    input_size: int = 224
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    interpolation: str = "bicubic"
    crop_pct: float = 0.875

    def __post_init__(self) -> None:
        if self.interpolation not in INTERPOLATIONS:
            raise UserError(
                f"preprocessing.interpolation: got {self.interpolation!r}, "
                f"expected one of {', '.join(INTERPOLATIONS)}"
            )
        if not 0 < self.crop_pct <= 1:
            raise UserError(f"preprocessing.crop_pct: got {self.crop_pct}, expected 0 < value <= 1")
        if self.input_size < 1:
            raise UserError(f"preprocessing.input_size: got {self.input_size}, expected >= 1")

    def as_dict(self) -> dict[str, Any]:
        """Plain containers for YAML and JSON."""
        return {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(self).items()}
