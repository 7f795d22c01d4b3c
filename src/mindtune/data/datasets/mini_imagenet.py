"""miniImageNet (``scripts/prepare_few_shot.py`` makes its folders from ImageNet's)."""

from __future__ import annotations

from mindtune.data.datasets.few_shot_folders import load_few_shot_folders
from mindtune.data.datasets.registry import register_dataset
from mindtune.data.datasets.spec import DatasetSpec
from mindtune.data.datasets.split_folders import find_split_folders

MINI_IMAGENET = DatasetSpec(
    name="mini_imagenet",
    title="miniImageNet",
    source=(
        "Vinyals et al., Matching Networks, NeurIPS 2016, in the split of Ravi and Larochelle, "
        "ICLR 2017; images of ImageNet: non-commercial research and education only"
    ),
    splits=("train", "val", "test"),
    split_classes={"train": 64, "val": 16, "test": 20},
    counts={"train": 38_400, "val": 9_600, "test": 12_000},
    folders=("mini-imagenet", "mini_imagenet", "mini-imagenet-480"),
)

register_dataset(MINI_IMAGENET, find_split_folders)(load_few_shot_folders)
