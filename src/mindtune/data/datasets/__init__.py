"""Data sets: one file each, opened by name with ``create_dataset``."""

from mindtune.data.datasets import (
    cifar10,
    cifar100,
    coop,
    cub200,
    digits,
    flowers102,
    folder,
    imagenet,
    nabirds,
    stanford_cars,
    stanford_dogs,
)
from mindtune.data.datasets.imagenet_c import (
    ALEXNET_ERRORS,
    CORRUPTIONS,
    EXTRA_CORRUPTIONS,
    MCE_CORRUPTIONS,
    SEVERITIES,
    corruption_source,
    corruptions_at,
)
from mindtune.data.datasets.imagenet_classes import imagenet_class_names, imagenet_wnids
from mindtune.data.datasets.imagenet_subsets import (
    IMAGENET_A,
    IMAGENET_R,
    IMAGENET_SKETCH,
    IMAGENET_SUBSETS,
    IMAGENET_V2,
    ImageNetSubset,
    imagenet_subset,
)
from mindtune.data.datasets.registry import (
    create_dataset,
    dataset_spec,
    list_datasets,
    register_dataset,
    splits_of,
)
from mindtune.data.datasets.spec import SPLITS, DatasetSpec

__all__ = [
    "ALEXNET_ERRORS",
    "CORRUPTIONS",
    "EXTRA_CORRUPTIONS",
    "IMAGENET_A",
    "IMAGENET_R",
    "IMAGENET_SKETCH",
    "IMAGENET_SUBSETS",
    "IMAGENET_V2",
    "MCE_CORRUPTIONS",
    "SEVERITIES",
    "SPLITS",
    "DatasetSpec",
    "ImageNetSubset",
    "cifar10",
    "cifar100",
    "coop",
    "corruption_source",
    "corruptions_at",
    "create_dataset",
    "cub200",
    "dataset_spec",
    "digits",
    "flowers102",
    "folder",
    "imagenet",
    "imagenet_class_names",
    "imagenet_subset",
    "imagenet_wnids",
    "list_datasets",
    "nabirds",
    "register_dataset",
    "splits_of",
    "stanford_cars",
    "stanford_dogs",
]
