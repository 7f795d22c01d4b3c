"""FC100 (``scripts/prepare_few_shot.py`` makes its folders from CIFAR-100)."""

from __future__ import annotations

from mindtune.data.datasets.few_shot_folders import load_few_shot_folders
from mindtune.data.datasets.registry import register_dataset
from mindtune.data.datasets.spec import DatasetSpec
from mindtune.data.datasets.split_folders import find_split_folders

FC100 = DatasetSpec(
    name="fc100",
    title="FC100",
    source="Oreshkin et al., TADAM, NeurIPS 2018; images of CIFAR-100: no licence stated",
    splits=("train", "val", "test"),
    split_classes={"train": 60, "val": 20, "test": 20},
    counts={"train": 36_000, "val": 12_000, "test": 12_000},
    folders=("FC100", "fc100", "FC100-84"),
)

register_dataset(FC100, find_split_folders)(load_few_shot_folders)
