"""tieredImageNet (``scripts/prepare_few_shot.py`` makes its folders from ImageNet's)."""

from __future__ import annotations

from mindtune.data.datasets.few_shot_folders import load_few_shot_folders
from mindtune.data.datasets.registry import register_dataset
from mindtune.data.datasets.spec import DatasetSpec
from mindtune.data.datasets.split_folders import find_split_folders

TIERED_IMAGENET = DatasetSpec(
    name="tiered_imagenet",
    title="tieredImageNet",
    source=(
        "Ren et al., Meta-Learning for Semi-Supervised Few-Shot Classification, ICLR 2018; "
        "images of ImageNet: non-commercial research and education only"
    ),
    splits=("train", "val", "test"),
    split_classes={"train": 351, "val": 97, "test": 160},
    counts={"train": 448_695, "val": 124_261, "test": 206_209},
    folders=("tiered-imagenet", "tiered_imagenet", "tiered_imagenet-480"),
)

register_dataset(TIERED_IMAGENET, find_split_folders)(load_few_shot_folders)
