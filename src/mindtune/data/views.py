"""Several random crops of one image: the views of DINO, iBOT and SMKD (its specification, 6)."""

from __future__ import annotations

import numpy as np
from PIL import Image

from mindtune.data.colour import ColourChanges, change_by_pillow
from mindtune.data.crops import RandomResizedCrop
from mindtune.data.normalise import normalise_into
from mindtune.errors import ConfigError
from mindtune.ops.kernel_library import find_library
from mindtune.ops.pixels import ViewPlan, make_views

_FLIP_PROB = 0.5
_GLOBAL = (ColourChanges(blur_prob=1.0), ColourChanges(blur_prob=0.1, solarise_prob=0.2))
_LOCAL = ColourChanges(blur_prob=0.5)


def view_by_pillow(image: Image.Image, plan: ViewPlan, size: int) -> np.ndarray:
    """One view, uint8 (S, S, 3): the kernel's bits, whichever order Pillow's version prefers."""
    view = image.crop(plan.box)
    bicubic = Image.Resampling.BICUBIC
    view = view.resize((size, view.height), bicubic).resize((size, size), bicubic)
    if plan.flipped:
        view = view.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    for change in plan.steps:
        view = change_by_pillow(view, change)
    return np.asarray(view)


class Views:
    """Two global crops and some local ones, each with its own choices of everything.

    Crop and bicubic resize, flip (1/2), colour jitter (0.8), grey (0.2), blur (1 in the first
    global crop, 0.1 in the second, 1/2 in local ones), solarise (0.2, second global crop only).

    Args:
        global_size: side of the global crops, pixels.
        global_scale: range of their share of the image's area.
        local_size: side of the local crops.
        local_scale: range of their share.
        local_crops: how many; may be 0.
        compiled: use the CPU kernels where they are built; they change no bit.

    Raises:
        ConfigError: a value out of range.
    """

    def __init__(
        self,
        global_size: int,
        global_scale: tuple[float, float] = (0.25, 1.0),
        local_size: int = 96,
        local_scale: tuple[float, float] = (0.05, 0.25),
        local_crops: int = 10,
        compiled: bool = True,
    ) -> None:
        if local_crops < 0:
            raise ConfigError(f"views.local_crops: got {local_crops}, expected 0 or more")
        for name, scale in (("global_scale", global_scale), ("local_scale", local_scale)):
            if not 0 < scale[0] <= scale[1] <= 1:
                raise ConfigError(f"views.{name}: got {scale}, expected 0 < lowest <= highest <= 1")
        self.global_size, self.local_size, self.local_crops = global_size, local_size, local_crops
        whole = RandomResizedCrop(global_size, global_scale, interpolation="bicubic")
        part = RandomResizedCrop(local_size, local_scale, interpolation="bicubic")
        self.kinds = [(whole, changes) for changes in _GLOBAL] + [(part, _LOCAL)] * local_crops
        self.library = find_library("CPU") if compiled else None

    def draw(self, width: int, height: int, rng: np.random.Generator) -> list[ViewPlan]:
        """The views of an image of this size, global ones first."""
        plans = []
        for crop, changes in self.kinds:
            box = crop.sample_box(width, height, rng)
            flipped = rng.random() < _FLIP_PROB
            plans.append(ViewPlan(box, flipped, changes.draw(rng)))
        return plans

    def room(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Where the crops of ``count`` images go, float32 (2, B, 3, S, S) and (L, B, 3, s, s)."""
        whole = (len(_GLOBAL), count, 3, self.global_size, self.global_size)
        local = (self.local_crops, count, 3, self.local_size, self.local_size)
        return np.empty(whole, np.float32), np.empty(local, np.float32)

    def make(
        self,
        image: Image.Image,
        rng: np.random.Generator,
        levels: np.ndarray,
        place: int,
        room: tuple[np.ndarray, np.ndarray],
    ) -> None:
        """Write the views of an RGB image of any size, normalised, to its place in a batch.

        Args:
            image: RGB.
            rng: gives all that is random.
            levels: float32 (2, 3), of ``level_map``.
            place: the image's number in the batch.
            room: the batch, of ``room``.
        """
        plans = self.draw(image.width, image.height, rng)
        if self.library is not None:
            make_views(self.library, np.ascontiguousarray(image), plans, levels, place, *room)
            return
        places = [crops[place] for part in room for crops in part]
        for plan, out in zip(plans, places):
            normalise_into(out, view_by_pillow(image, plan, out.shape[-1]), levels)
