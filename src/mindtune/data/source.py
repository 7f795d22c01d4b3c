"""What a data set is to the rest of the package: images by index, labels, class names."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from mindtune.errors import DataError


class ImageSource(Protocol):
    """One split of an image classification data set.

    Attributes:
        labels: int32 (N,), each in ``[0, len(class_names))``.
        class_names: one name a class, in label order.
    """

    @property
    def labels(self) -> np.ndarray: ...

    @property
    def class_names(self) -> tuple[str, ...]: ...

    def __len__(self) -> int: ...

    def load(self, index: int) -> Image.Image:
        """Decode image ``index`` as RGB. Raises ``DataError`` naming an unreadable image."""
        ...

    def describe(self, index: int) -> str:
        """What to call image ``index`` in a message: a path, or 'set/split image 17'."""
        ...


@dataclass(frozen=True)
class ImageFiles:
    """Images that lie in files."""

    paths: Sequence[Path]
    labels: np.ndarray
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.paths)

    def describe(self, index: int) -> str:
        return str(self.paths[index])

    def load(self, index: int) -> Image.Image:
        path = self.paths[index]
        return read_image(path, str(path))


@dataclass(frozen=True)
class EncodedImages:
    """Images that lie in memory as the bytes of their files, such as those of an archive.

    ``places`` says of each where it comes from, for messages.
    """

    contents: Sequence[bytes]
    labels: np.ndarray
    class_names: tuple[str, ...]
    places: Sequence[str]

    def __len__(self) -> int:
        return len(self.contents)

    def describe(self, index: int) -> str:
        return self.places[index]

    def load(self, index: int) -> Image.Image:
        return read_image(io.BytesIO(self.contents[index]), self.places[index])


@dataclass(frozen=True)
class ImageArrays:
    """Images that lie in memory as one uint8 array (N, H, W, 3)."""

    pixels: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]
    name: str

    def __len__(self) -> int:
        return len(self.pixels)

    def describe(self, index: int) -> str:
        return f"{self.name} image {index}"

    def load(self, index: int) -> Image.Image:
        return Image.fromarray(self.pixels[index])


def read_image(file: Path | io.BytesIO, name: str) -> Image.Image:
    """The image as RGB. Raises ``DataError`` where it cannot be read."""
    try:
        with Image.open(file) as image:
            return image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(
            f"image {name}: cannot be decoded ({error}); replace or remove the file, "
            "or pass --data.skip_unreadable true"
        ) from error
