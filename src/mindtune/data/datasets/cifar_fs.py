"""CIFAR-FS (``scripts/prepare_few_shot.py`` makes its folders from CIFAR-100)."""

from __future__ import annotations

from mindtune.data.datasets.few_shot_folders import load_few_shot_folders
from mindtune.data.datasets.registry import register_dataset
from mindtune.data.datasets.spec import DatasetSpec
from mindtune.data.datasets.split_folders import find_split_folders

CIFAR_FS = DatasetSpec(
    name="cifar_fs",
    title="CIFAR-FS",
    source=(
        "Bertinetto et al., Meta-learning with Differentiable Closed-form Solvers, ICLR 2019; "
        "images of CIFAR-100: no licence stated"
    ),
    splits=("train", "val", "test"),
    split_classes={"train": 64, "val": 16, "test": 20},
    counts={"train": 38_400, "val": 9_600, "test": 12_000},
    folders=("cifar-fs", "cifar_fs", "cifar-fs-84"),
)

register_dataset(CIFAR_FS, find_split_folders)(load_few_shot_folders)
