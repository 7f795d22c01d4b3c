"""Keys of the images: where they are, how they are prepared and augmented."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Optional, Union


@dataclass
class DataConfig:
    """Images to train and evaluate on.

    Attributes:
        name: a registered data set, see mindtune.list_datasets().
        root: folder of the data set on disk.
        classes: keep only these classes (names or indices), in this order.
        val_fraction: share of the training images held out for validation where the set has no
            val split.
        skip_unreadable: leave unreadable images out, counted and named, rather than stop.
        workers: threads that decode and transform images, at most one a core.
    """

    name: str = "folder"
    root: Optional[str] = None
    classes: Optional[list[Union[int, str]]] = None
    val_fraction: float = 0.1
    skip_unreadable: bool = False
    workers: int = 2


@dataclass
class PreprocessingConfig:
    """How images are prepared; what is left out is what the weights were made with.

    Attributes:
        mean: of red, green and blue in 0 to 1.
        std: of red, green and blue in 0 to 1.
        interpolation: filter of the evaluation resize.
        crop_pct: share of the resized shorter side that the evaluation crop keeps.
        resize: shorter keeps the aspect ratio and crops the centre; square ignores it.
    """

    mean: Optional[tuple[float, float, float]] = None
    std: Optional[tuple[float, float, float]] = None
    interpolation: Optional[Literal["bicubic", "bilinear", "nearest", "lanczos"]] = None
    crop_pct: Optional[float] = None
    resize: Optional[Literal["shorter", "square"]] = None


@dataclass
class AugmentConfig:
    """Training view of an image, and of a batch.

    Attributes:
        crop: random is a random resized crop; none resizes straight to the square, ignoring the
            aspect ratio.
        scale: area share of the random crop.
        ratio: aspect ratio of the random crop.
        hflip: probability of a horizontal flip.
        interpolation: filter of the crop; random picks bilinear or bicubic for each image.
        rand_augment: RandAugment in timm's notation, such as rand-m9-mstd0.5-inc1.
        trivial_augment: TrivialAugment with torchvision's wide ranges, in place of rand_augment.
        mixup: alpha of mixup, 0 for none.
        cutmix: alpha of CutMix, 0 for none.
        mix_prob: probability that a batch is mixed.
        mix_switch_prob: probability of CutMix where both are on.
        label_smoothing: mass spread over all classes.
        erasing: probability of erasing a box of each image.
    """

    crop: Literal["random", "none"] = "random"
    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (0.75, 1.3333333333333333)
    hflip: float = 0.5
    interpolation: str = "random"
    rand_augment: Optional[str] = None
    trivial_augment: bool = False
    mixup: float = 0.0
    cutmix: float = 0.0
    mix_prob: float = 1.0
    mix_switch_prob: float = 0.5
    label_smoothing: float = 0.0
    erasing: float = 0.0
