"""ImageNet-1K (ILSVRC 2012) as an image folder of wnid folders."""

from __future__ import annotations

from pathlib import Path

from mindtune.data.datasets.class_folders import read_class_folders, require_class_folders
from mindtune.data.datasets.disk_layout import check_count_at_least
from mindtune.data.datasets.imagenet_classes import imagenet_class_names, imagenet_wnids
from mindtune.data.datasets.registry import register_dataset
from mindtune.data.datasets.spec import DatasetSpec
from mindtune.data.datasets.split_folders import find_split_folders, split_folders
from mindtune.data.source import ImageSource

IMAGENET = DatasetSpec(
    name="imagenet",
    title="ImageNet-1K",
    source=(
        "Russakovsky et al., ImageNet Large Scale Visual Recognition Challenge, IJCV 2015; "
        "non-commercial research and education only"
    ),
    splits=("train", "val"),
    num_classes=1000,
    counts={"train": 1_281_167, "val": 50_000},
    folders=(  # the two last are CoOp's
        *("imagenet", "ILSVRC/Data/CLS-LOC", "Data/CLS-LOC", "imagenet/images", "images"),
    ),
    class_names=imagenet_class_names(),
    class_folders=imagenet_wnids(),
)


@register_dataset(IMAGENET, find_split_folders)
def load_imagenet(spec: DatasetSpec, root: Path, split: str) -> ImageSource:
    """One split; the label is the position of the wnid folder among the 1000 sorted wnids.

    The official validation archive is flat: sort it into wnid folders first.

    Raises:
        DataError: other class folders than the 1000 wnids, or fewer images than the official set.
    """
    folder = split_folders(spec, root)[split]
    require_class_folders(spec, folder, spec.class_folders, "the official wnids")
    source = read_class_folders(spec, folder, spec.class_folders, spec.class_names)
    check_count_at_least(spec, split, len(source), folder)
    return source
