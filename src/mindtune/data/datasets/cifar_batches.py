"""What is inside the official CIFAR files: batches of images and lists of class names."""

from __future__ import annotations

import numpy as np

from mindtune.data.datasets.cifar_forms import PIXELS, BatchReader, NamesReader
from mindtune.data.datasets.cifar_pickle import read_cifar_pickle
from mindtune.errors import DataError


def python_batch(label_key: bytes) -> BatchReader:
    """Reader of a pickled batch: ``data`` uint8 (n, 3072) and a list of labels."""

    def read(content: bytes, where: str) -> tuple[np.ndarray, np.ndarray]:
        batch = read_cifar_pickle(content, where)
        pixels, labels = batch.get(b"data"), batch.get(label_key)
        if (
            not isinstance(pixels, np.ndarray)
            or pixels.shape[1:] != (PIXELS,)
            or not isinstance(labels, list)
            or len(labels) != len(pixels)
            or not all(type(label) is int for label in labels)
        ):
            raise DataError(
                f"{where}: got a pickle without matching data and {label_key.decode()}, expected "
                f"an array (n, {PIXELS}) and n labels; unpack the official archive again"
            )
        return pixels, np.array(labels)

    return read


def python_names(key: bytes) -> NamesReader:
    """Reader of the pickled list of class names."""

    def read(content: bytes, where: str) -> tuple[str, ...]:
        names = read_cifar_pickle(content, where).get(key)
        if not isinstance(names, list) or not all(isinstance(name, bytes) for name in names):
            raise DataError(
                f"{where}: got no list {key.decode()}, expected the class names; "
                "unpack the official archive again"
            )
        return tuple(name.decode("ascii", "replace") for name in names)

    return read


def binary_batch(label_bytes: int, label: int = -1) -> BatchReader:
    """Reader of fixed records: labels, of which number ``label`` counts, then 3072 pixels."""
    record = label_bytes + PIXELS

    def read(content: bytes, where: str) -> tuple[np.ndarray, np.ndarray]:
        if len(content) % record:
            raise DataError(
                f"{where}: got {len(content):,} bytes, expected a multiple of {record:,} (one "
                "image); truncated? unpack the official archive again"
            )
        rows = np.frombuffer(content, dtype=np.uint8).reshape(-1, record)  # (n, record)
        return rows[:, label_bytes:], rows[:, :label_bytes][:, label]

    return read


def text_names(content: bytes, where: str) -> tuple[str, ...]:
    """Class names, one a line; the official file ends with empty lines."""
    return tuple(content.decode("ascii", "replace").split())
