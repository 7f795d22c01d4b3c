"""Caltech-UCSD Birds-200-2011."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mindtune.data.datasets.disk_layout import require_home
from mindtune.data.datasets.listed_images import LISTED_FILES, read_listed_images
from mindtune.data.datasets.registry import register_dataset
from mindtune.data.datasets.spec import DatasetSpec
from mindtune.data.source import ImageSource

CUB200 = DatasetSpec(
    name="cub200",
    title="CUB-200-2011",
    source=(
        "Wah et al., The Caltech-UCSD Birds-200-2011 Dataset, CNS-TR-2011-001; "
        "non-commercial research and education only"
    ),
    splits=("train", "test"),
    num_classes=200,
    counts={"train": 5_994, "test": 5_794},
    aliases=("cub2011",),
    folders=("CUB_200_2011",),
)


@register_dataset(CUB200)
def load_cub200(spec: DatasetSpec, root: Path, split: str) -> ImageSource:
    """One split; class '001.Black_footed_Albatross' is called 'Black footed Albatross'.

    Raises:
        DataError: not found, half-unpacked, or wrong counts.
    """
    source = read_listed_images(spec, require_home(spec, root, LISTED_FILES), split)
    names = [name.split(".", 1)[-1].replace("_", " ") for name in source.class_names]
    return replace(source, class_names=tuple(names))
