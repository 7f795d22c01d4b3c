"""CIFAR-100 with its 100 fine classes."""

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

CIFAR100 = DatasetSpec(
    name="cifar100",
    title="CIFAR-100",
    source=(
        "Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009; no licence stated"
    ),
    splits=("train", "test"),
    num_classes=100,
    counts={"train": 50_000, "test": 10_000},
)

CIFAR100_FORMS = (
    CifarForm(
        folder="cifar-100-python",
        archive="cifar-100-python.tar.gz",
        files={"train": ("train",), "test": ("test",)},
        names_file="meta",
        read_batch=python_batch(b"fine_labels"),
        read_names=python_names(b"fine_label_names"),
    ),
    CifarForm(
        folder="cifar-100-binary",
        archive="cifar-100-binary.tar.gz",
        files={"train": ("train.bin",), "test": ("test.bin",)},
        names_file="fine_label_names.txt",
        # the coarse label comes first, the fine one last
        read_batch=binary_batch(label_bytes=2),
        read_names=text_names,
    ),
)


@register_dataset(CIFAR100)
def load_cifar100(spec: DatasetSpec, root: Path, split: str) -> ImageSource:
    """One split, uint8 (N, 32, 32, 3) in memory (150 MB for train).

    Raises:
        DataError: not found, half-unpacked, malformed, or wrong counts.
    """
    return load_cifar(spec, CIFAR100_FORMS, root, split)
