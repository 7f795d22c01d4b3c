"""CIFAR-10."""

from __future__ import annotations

from pathlib import Path

from mindtune.data.datasets.cifar_batches import (
    binary_batch,
    python_batch,
    python_names,
    text_names,
)
from mindtune.data.datasets.cifar_forms import CifarForm, load_cifar
from mindtune.data.datasets.registry import register_dataset
from mindtune.data.datasets.spec import DatasetSpec
from mindtune.data.source import ImageSource

CIFAR10 = DatasetSpec(
    name="cifar10",
    title="CIFAR-10",
    source=(
        "Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009; no licence stated"
    ),
    splits=("train", "test"),
    num_classes=10,
    counts={"train": 50_000, "test": 10_000},
)

CIFAR10_FORMS = (
    CifarForm(
        folder="cifar-10-batches-py",
        archive="cifar-10-python.tar.gz",
        files={
            "train": tuple(f"data_batch_{number}" for number in range(1, 6)),
            "test": ("test_batch",),
        },
        names_file="batches.meta",
        read_batch=python_batch(b"labels"),
        read_names=python_names(b"label_names"),
    ),
    CifarForm(
        folder="cifar-10-batches-bin",
        archive="cifar-10-binary.tar.gz",
        files={
            "train": tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
            "test": ("test_batch.bin",),
        },
        names_file="batches.meta.txt",
        read_batch=binary_batch(label_bytes=1),
        read_names=text_names,
    ),
)


@register_dataset(CIFAR10)
def load_cifar10(spec: DatasetSpec, root: Path, split: str) -> ImageSource:
    """One split, uint8 (N, 32, 32, 3) in memory (150 MB for train).

    Raises:
        DataError: not found, half-unpacked, malformed, or wrong counts.
    """
    return load_cifar(spec, CIFAR10_FORMS, root, split)
