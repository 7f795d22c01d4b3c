"""Several random crops of one image: the views of DINO, iBOT and SMKD (its specification, 6)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from mindtune.data.colour import ColourJitter, RandomStep, Sometimes, blur, greyscale, solarise
from mindtune.data.crops import RandomResizedCrop
from mindtune.data.transforms import RandomFlip
from mindtune.errors import ConfigError

_JITTER_PROB, _GREY_PROB, _SOLARISE_PROB = 0.8, 0.2, 0.2
_BLUR_PROBS = (1.0, 0.1)  # of the two global crops
_LOCAL_BLUR_PROB = 0.5


@dataclass(frozen=True)
class Views:
    """Two global crops and some local ones, each with its own choices of everything.

    Crop and bicubic resize, flip (1/2), colour jitter (0.8), greyscale (0.2), blur (1 in the first
    global crop, 0.1 in the second, 1/2 in local ones), solarise (0.2, second global crop only).

    Attributes:
        global_size: side of the global crops, pixels.
        global_scale: range of their share of the image's area.
        local_size: side of the local crops.
        local_scale: range of their share.
        local_crops: how many; may be 0.

    Raises:
        ConfigError: a value out of range.
    """

    global_size: int
    global_scale: tuple[float, float] = (0.25, 1.0)
    local_size: int = 96
    local_scale: tuple[float, float] = (0.05, 0.25)
    local_crops: int = 10

    def __post_init__(self) -> None:
        if self.local_crops < 0:
            raise ConfigError(f"views.local_crops: got {self.local_crops}, expected 0 or more")
        for name in ("global_scale", "local_scale"):
            lowest, highest = getattr(self, name)
            if not 0 < lowest <= highest <= 1:
                raise ConfigError(
                    f"views.{name}: got {(lowest, highest)}, expected 0 < lowest <= highest <= 1"
                )

    def steps(self) -> list[tuple[RandomStep, ...]]:
        """The chain of each view, global ones first."""
        whole = RandomResizedCrop(self.global_size, self.global_scale, interpolation="bicubic")
        part = RandomResizedCrop(self.local_size, self.local_scale, interpolation="bicubic")
        first, second = (_chain(whole, prob) for prob in _BLUR_PROBS)
        second = (*second, Sometimes(_SOLARISE_PROB, solarise))
        return [first, second, *[_chain(part, _LOCAL_BLUR_PROB)] * self.local_crops]

    def __call__(
        self, image: Image.Image, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Views of an RGB image of any size: uint8 (2, S, S, 3) and (L, s, s, 3)."""
        crops = []
        for chain in self.steps():
            view = image
            for step in chain:
                view = step(view, rng)
            crops.append(np.asarray(view))
        local = np.empty((self.local_crops, self.local_size, self.local_size, 3), np.uint8)
        for place, crop in zip(local, crops[2:]):
            place[:] = crop
        return np.stack(crops[:2]), local


def _chain(crop: RandomStep, blur_prob: float) -> tuple[RandomStep, ...]:
    return (
        crop,
        RandomFlip(0.5),
        Sometimes(_JITTER_PROB, ColourJitter()),
        Sometimes(_GREY_PROB, greyscale),
        Sometimes(blur_prob, blur),
    )
