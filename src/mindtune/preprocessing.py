"""How images must be prepared for a set of weights; this travels with the weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from mindtune.errors import UserError

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
INCEPTION_MEAN = (0.5, 0.5, 0.5)
INCEPTION_STD = (0.5, 0.5, 0.5)
CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
STATISTICS = {
    "imagenet": (IMAGENET_MEAN, IMAGENET_STD),
    "inception": (INCEPTION_MEAN, INCEPTION_STD),
    "clip": (CLIP_MEAN, CLIP_STD),
}

INTERPOLATIONS = ("bicubic", "bilinear", "nearest", "lanczos")
RESIZES = ("shorter", "square")


@dataclass(frozen=True)
class Preprocessing:
    """Input size and pixel statistics that a pre-trained network expects.

    Attributes:
        input_size: side of the square input, pixels.
        mean: per-channel mean of RGB values in [0, 1].
        std: per-channel standard deviation of RGB values in [0, 1].
        interpolation: PIL resampling filter, one of ``INTERPOLATIONS``; always PIL's own result.
        crop_pct: share of the resized shorter side that the evaluation crop keeps, in (0, 1].
        resize: ``shorter`` resizes the shorter side and crops the centre; ``square`` resizes to the
            square at once, aspect ratio and ``crop_pct`` ignored.
    """

    input_size: int = 224
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    interpolation: str = "bicubic"
    crop_pct: float = 0.875
    resize: str = "shorter"

    def __post_init__(self) -> None:
        if self.interpolation not in INTERPOLATIONS:
            raise UserError(
                f"preprocessing.interpolation: got {self.interpolation!r}, "
                f"expected one of {', '.join(INTERPOLATIONS)}"
            )
        if self.resize not in RESIZES:
            raise UserError(
                f"preprocessing.resize: got {self.resize!r}, expected one of {', '.join(RESIZES)}"
            )
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise UserError(
                f"preprocessing.mean / std: got {self.mean} and {self.std}, expected three values "
                "each, deviations above 0"
            )
        if not 0 < self.crop_pct <= 1:
            raise UserError(f"preprocessing.crop_pct: got {self.crop_pct}, expected 0 < value <= 1")
        if self.input_size < 1:
            raise UserError(f"preprocessing.input_size: got {self.input_size}, expected >= 1")

    def updated(self, values: Mapping[str, Any]) -> Preprocessing:
        """These settings with every value that is given and not None, lists taken as tuples.

        Raises:
            UserError: a value out of range.
        """
        given: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in values.items()
            if value is not None
        }
        return replace(self, **given)

    def as_dict(self) -> dict[str, Any]:
        """Plain containers for YAML and JSON."""
        return {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(self).items()}
