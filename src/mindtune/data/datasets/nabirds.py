"""NABirds v1."""

from __future__ import annotations

from pathlib import Path

from mindtune.data.datasets.disk_layout import require_home
from mindtune.data.datasets.listed_images import LISTED_FILES, read_listed_images
from mindtune.data.datasets.registry import register_dataset
from mindtune.data.datasets.spec import DatasetSpec
from mindtune.data.source import ImageSource

NABIRDS = DatasetSpec(
    name="nabirds",
    title="NABirds",
    source=(
        "Van Horn et al., Building a Bird Recognition App and Large Scale Dataset With Citizen "
        "Scientists, CVPR 2015; non-commercial, terms of use of the Cornell Lab"
    ),
    splits=("train", "test"),
    num_classes=555,
    counts={"train": 23_929, "test": 24_633},
    folders=("nabirds",),
)


@register_dataset(NABIRDS)
def load_nabirds(spec: DatasetSpec, root: Path, split: str) -> ImageSource:
    """One split; of the 1,011 nodes of the hierarchy the 555 used ones are the classes.

    Raises:
        DataError: not found, half-unpacked, or wrong counts.
    """
    return read_listed_images(spec, require_home(spec, root, LISTED_FILES), split)
