"""ImageNet-A and ImageNet-R: test sets of 200 of the 1000 ImageNet classes each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mindtune.data.datasets.class_folders import list_class_folders, read_class_folders
from mindtune.data.datasets.disk_layout import (
    candidate_homes,
    check_class_count,
    check_count_at_least,
    first_few,
)
from mindtune.data.datasets.imagenet_classes import imagenet_class_names, imagenet_wnids
from mindtune.data.datasets.spec import DatasetSpec
from mindtune.data.source import ImageFiles
from mindtune.errors import DataError

IMAGENET_A = DatasetSpec(
    name="imagenet_a",
    title="ImageNet-A",
    source="Hendrycks et al., Natural Adversarial Examples, CVPR 2021; MIT",
    splits=("test",),
    num_classes=200,
    counts={"test": 7_500},
    folders=("imagenet-a",),
    class_names=imagenet_class_names(),
    class_folders=imagenet_wnids(),
)

IMAGENET_R = DatasetSpec(
    name="imagenet_r",
    title="ImageNet-R",
    source="Hendrycks et al., The Many Faces of Robustness, ICCV 2021; MIT",
    splits=("test",),
    num_classes=200,
    counts={"test": 30_000},
    folders=("imagenet-r",),
    class_names=imagenet_class_names(),
    class_folders=imagenet_wnids(),
)


@dataclass(frozen=True)
class ImageNetSubset:
    """A test set on which an ImageNet model is judged by some of its outputs.

    Attributes:
        source: images; the label is the rank of the class folder within the subset.
        logit_indices: int32 (K,), ascending: which of the model's outputs are the subset's classes.
    """

    source: ImageFiles
    logit_indices: np.ndarray


def imagenet_subset(spec: DatasetSpec, root: Path) -> ImageNetSubset:
    """Open ImageNet-A or -R: ``<root>/<wnid>/<image>`` (moment probing spec, section 4.4).

    Which outputs count follows from the folder names; no list of indices is written down.

    Args:
        spec: ``IMAGENET_A`` or ``IMAGENET_R``; its ``class_folders`` are the model's classes.
        root: the subset's folder or its parent.

    Raises:
        DataError: missing, a folder that is no ImageNet class, or too few classes or images.
    """
    places = [home for home in candidate_homes(spec, root) if _known_folders(spec, home)]
    if not places:
        tried = " or ".join(str(home) for home in candidate_homes(spec, root))
        raise DataError(
            f"{spec}: got no wnid folder, expected {spec.class_folders[0]} and the like in "
            f"{tried}; unpack the set and pass its folder"
        )
    folder = places[0]
    found = list_class_folders(spec, folder)
    foreign = sorted(set(found).difference(spec.class_folders))
    if foreign:
        raise DataError(
            f"{spec}: got class folders {first_few(foreign)} in {folder}, expected only wnids of "
            f"the {len(spec.class_folders):,} classes; remove them"
        )
    check_class_count(spec, len(found), folder)
    position = {wnid: index for index, wnid in enumerate(spec.class_folders)}
    indices = np.array(sorted(position[wnid] for wnid in found), dtype=np.int32)
    wnids = [spec.class_folders[index] for index in indices]
    source = read_class_folders(spec, folder, wnids, [spec.class_names[i] for i in indices])
    check_count_at_least(spec, "test", len(source), folder)
    return ImageNetSubset(source, indices)


def _known_folders(spec: DatasetSpec, home: Path) -> bool:
    return any((home / wnid).is_dir() for wnid in spec.class_folders)
