"""ImageNet-C: the ImageNet validation images under 19 corruptions in 5 severities.

Hendrycks and Dietterich, Benchmarking Neural Network Robustness to Common Corruptions and
Perturbations, ICLR 2019.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from mindtune.data.datasets.class_folders import read_class_folders, require_class_folders
from mindtune.data.datasets.disk_layout import candidate_homes, check_count_at_least
from mindtune.data.datasets.imagenet_classes import imagenet_class_names, imagenet_wnids
from mindtune.data.datasets.spec import DatasetSpec
from mindtune.data.source import ImageFiles
from mindtune.errors import ConfigError, DataError, nearest

SEVERITIES = (1, 2, 3, 4, 5)

ALEXNET_ERRORS: Mapping[str, float] = MappingProxyType(
    {
        "gaussian_noise": 0.886428,
        "shot_noise": 0.894468,
        "impulse_noise": 0.922640,
        "defocus_blur": 0.819880,
        "glass_blur": 0.826268,
        "motion_blur": 0.785948,
        "zoom_blur": 0.798360,
        "snow": 0.866816,
        "frost": 0.826572,
        "fog": 0.819324,
        "brightness": 0.564592,
        "contrast": 0.853204,
        "elastic_transform": 0.646056,
        "pixelate": 0.717840,
        "jpeg_compression": 0.606500,
    }
)
"""AlexNet's mean top-1 error over the severities, as a fraction: the mCE's denominators."""

MCE_CORRUPTIONS = tuple(ALEXNET_ERRORS)
"""The 15 corruptions that enter the mCE."""

EXTRA_CORRUPTIONS = ("gaussian_blur", "speckle_noise", "saturate", "spatter")
"""The 4 that enter only the mean accuracy."""

CORRUPTIONS = MCE_CORRUPTIONS + EXTRA_CORRUPTIONS

IMAGENET_C = DatasetSpec(
    name="imagenet_c",
    title="ImageNet-C",
    source=(
        "Hendrycks and Dietterich, Benchmarking Neural Network Robustness to Common Corruptions "
        "and Perturbations, ICLR 2019; CC BY 4.0"
    ),
    splits=("test",),
    num_classes=1000,
    counts={"test": 50_000},
    folders=("ImageNet-C", "imagenet-c"),
    class_names=imagenet_class_names(),
    class_folders=imagenet_wnids(),
)


def corruptions_at(root: Path) -> tuple[str, ...]:
    """The 15 corruptions of the mCE, and those of the 4 extra ones that are at ``root``."""
    homes = candidate_homes(IMAGENET_C, root)
    extra = [name for name in EXTRA_CORRUPTIONS if any((home / name).is_dir() for home in homes)]
    return (*MCE_CORRUPTIONS, *extra)


def corruption_source(
    root: Path, corruption: str, severity: int, spec: DatasetSpec = IMAGENET_C
) -> ImageFiles:
    """The images of ``<root>/<corruption>/<severity>/<wnid>/*``, labelled as ImageNet is.

    Args:
        root: the set's folder or its parent.
        corruption: one of ``CORRUPTIONS``.
        severity: 1 (mild) to 5.
        spec: the facts to check against.

    Raises:
        ConfigError: unknown corruption or severity.
        DataError: the folder is missing, has other classes, or holds too few images.
    """
    if corruption not in CORRUPTIONS:
        raise ConfigError(
            f"corruption: got {corruption!r}, expected one of ImageNet-C's 19"
            f"{nearest(corruption, CORRUPTIONS)}"
        )
    if severity not in SEVERITIES:
        raise ConfigError(f"severity: got {severity!r}, expected 1, 2, 3, 4 or 5")
    places = [home / corruption / str(severity) for home in candidate_homes(spec, root)]
    folder = next((place for place in places if place.is_dir()), None)
    if folder is None:
        raise DataError(
            f"{spec}: got no folder {' or '.join(map(str, places))}, expected it to hold "
            f"{len(spec.class_folders):,} wnid folders; unpack the archive with {corruption}"
        )
    require_class_folders(spec, folder, spec.class_folders, "the official wnids")
    source = read_class_folders(spec, folder, spec.class_folders, spec.class_names)
    check_count_at_least(spec, "test", len(source), folder)
    return source
