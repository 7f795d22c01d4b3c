"""Any few-shot set: ``<root>/<split>/<class>/<image>``, classes of the splits disjoint."""

from __future__ import annotations

from mindtune.data.datasets.few_shot_folders import load_few_shot_folders
from mindtune.data.datasets.registry import register_dataset
from mindtune.data.datasets.spec import DatasetSpec
from mindtune.data.datasets.split_folders import find_split_folders

FEW_SHOT_FOLDER = DatasetSpec(
    name="few_shot_folder",
    title="few-shot image folder",
    source="your own images: <root>/<split>/<class>/<image>, every class in one split only",
    splits=("train", "val", "test"),
)

register_dataset(FEW_SHOT_FOLDER, find_split_folders)(load_few_shot_folders)
