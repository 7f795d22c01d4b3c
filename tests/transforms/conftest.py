"""Images for the transform tests: two photographs, and noise of any size."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

IMAGES = Path(__file__).parents[1] / "data" / "images"


@pytest.fixture(params=["locomotive.jpg", "zebra.jpg"])
def photo(request: pytest.FixtureRequest) -> Image.Image:
    with Image.open(IMAGES / request.param) as image:
        return image.convert("RGB")


@pytest.fixture
def landscape() -> Image.Image:
    with Image.open(IMAGES / "locomotive.jpg") as image:
        return image.convert("RGB")


@pytest.fixture
def noise() -> Callable[[int, int], Image.Image]:
    def make(width: int, height: int) -> Image.Image:
        pixels = np.random.default_rng(width).integers(0, 256, (height, width, 3), dtype=np.uint8)
        return Image.fromarray(pixels)

    return make
