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


def _forms(level: str) -> tuple[CifarForm, ...]:
    """The official forms, read by their ``fine`` labels or the 20 ``coarse`` ones."""
    return (
        CifarForm(
            folder="cifar-100-python",
            archive="cifar-100-python.tar.gz",
            files={"train": ("train",), "test": ("test",)},
            names_file="meta",
            read_batch=python_batch(f"{level}_labels".encode()),
            read_names=python_names(f"{level}_label_names".encode()),
        ),
        CifarForm(
            folder="cifar-100-binary",
            archive="cifar-100-binary.tar.gz",
            files={"train": ("train.bin",), "test": ("test.bin",)},
            names_file=f"{level}_label_names.txt",
            read_batch=binary_batch(label_bytes=2, label=("coarse", "fine").index(level)),
            read_names=text_names,
        ),
    )


CIFAR100_FORMS = _forms("fine")
CIFAR100_COARSE_FORMS = _forms("coarse")


@register_dataset(CIFAR100)
def load_cifar100(spec: DatasetSpec, root: Path, split: str) -> ImageSource:
    """One split, uint8 (N, 32, 32, 3) in memory (150 MB for train).

    Raises:
        DataError: not found, half-unpacked, malformed, or wrong counts.
    """
    return load_cifar(spec, CIFAR100_FORMS, root, split)
