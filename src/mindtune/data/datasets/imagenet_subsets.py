"""Test sets for networks of the 1000 ImageNet classes: ImageNet-A, -R, -V2 and -Sketch."""

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
from mindtune.data.datasets.registry import register_dataset
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

IMAGENET_V2 = DatasetSpec(
    name="imagenet_v2",
    title="ImageNet-V2",
    source="Recht et al., Do ImageNet Classifiers Generalize to ImageNet?, ICML 2019; MIT",
    splits=("test",),
    num_classes=1000,
    counts={"test": 10_000},
    folders=(
        "imagenetv2-matched-frequency-format-val",
        "imagenetv2/imagenetv2-matched-frequency-format-val",
    ),
    class_names=imagenet_class_names(),
    class_folders=tuple(str(label) for label in range(1000)),
)

IMAGENET_SKETCH = DatasetSpec(
    name="imagenet_sketch",
    title="ImageNet-Sketch",
    source="Wang et al., Learning Robust Global Representations, NeurIPS 2019; MIT",
    splits=("test",),
    num_classes=1000,
    counts={"test": 50_889},
    folders=("sketch", "imagenet-sketch/images", "imagenet-sketch", "images"),
    class_names=imagenet_class_names(),
    class_folders=imagenet_wnids(),
)

IMAGENET_SUBSETS = (IMAGENET_A, IMAGENET_R, IMAGENET_V2, IMAGENET_SKETCH)


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
    """Open one of them: ``<root>/<wnid>/<image>`` (moment probing spec, section 4.4).

    Which outputs count follows from the folder names; no list of indices is written down.
    ImageNet-V2's folders are called by the label, 0 to 999.

    Args:
        spec: one of ``IMAGENET_SUBSETS``; its ``class_folders`` are the model's classes.
        root: the subset's folder or its parent.

    Raises:
        DataError: missing, a folder that is no ImageNet class, or too few classes or images.
    """
    places = [home for home in candidate_homes(spec, root) if _known_folders(spec, home)]
    if not places:
        tried = " or ".join(str(home) for home in candidate_homes(spec, root))
        raise DataError(
            f"{spec}: got no class folder, expected {spec.class_folders[0]} and the like in "
            f"{tried}; unpack the set and pass its folder"
        )
    folder = places[0]
    found = list_class_folders(spec, folder)
    foreign = sorted(set(found).difference(spec.class_folders))
    if foreign:
        raise DataError(
            f"{spec}: got class folders {first_few(foreign)} in {folder}, expected only "
            f"{spec.class_folders[0]} to {spec.class_folders[-1]}; remove them"
        )
    check_class_count(spec, len(found), folder)
    position = {wnid: index for index, wnid in enumerate(spec.class_folders)}
    indices = np.array(sorted(position[wnid] for wnid in found), dtype=np.int32)
    wnids = [spec.class_folders[index] for index in indices]
    source = read_class_folders(spec, folder, wnids, [spec.class_names[i] for i in indices])
    check_count_at_least(spec, "test", len(source), folder)
    return ImageNetSubset(source, indices)


def load_imagenet_subset(spec: DatasetSpec, root: Path, split: str) -> ImageFiles:
    """The images alone, for a classifier of just these classes, such as CLIP's texts.

    Raises:
        DataError: see ``imagenet_subset``.
    """
    return imagenet_subset(spec, root).source


for _spec in IMAGENET_SUBSETS:
    register_dataset(_spec)(load_imagenet_subset)


def _known_folders(spec: DatasetSpec, home: Path) -> bool:
    return any((home / wnid).is_dir() for wnid in spec.class_folders)
