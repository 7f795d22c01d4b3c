"""What every rank of a run must be given alike, checked before anything trains."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np

from mindtune.config import RunConfig, flatten
from mindtune.data.source import ImageSource
from mindtune.engine.distributed.world import World
from mindtune.preprocessing import Preprocessing
from mindtune.run_folder import plain

_MAY_DIFFER = {"data.root", "data.workers"}  # machines may keep their images in different places
_SAMPLED_IMAGES = 8


def check_same_config(world: World, config: RunConfig) -> None:
    """Raises ``RanksDifferError`` where ranks were started with different options."""
    values = {k: v for k, v in flatten(plain(config)).items() if k not in _MAY_DIFFER}
    world.check_same_values("configuration", values, "start all ranks with the same options")


def check_same_data(
    world: World, sources: dict[str, ImageSource], preprocessing: Preprocessing
) -> None:
    """Raises ``RanksDifferError`` where ranks see different images, or prepare them differently.

    Compared are counts, class names, all labels, and the pixels of a few images of each split.
    """
    if world.size == 1:
        return
    values: dict[str, Any] = {"preprocessing": preprocessing.as_dict()}
    for split, source in sources.items():
        values[f"images of {split}"] = len(source)
        values[f"class names of {split}"] = list(source.class_names)
        values[f"labels of {split} (checksum)"] = zlib.crc32(np.asarray(source.labels).tobytes())
        values[f"pixels of {split} (checksum)"] = _pixels_checksum(source)
    world.check_same_values("data", values, "give all ranks the same images and weights")


def _pixels_checksum(source: ImageSource) -> int:
    checksum = 0
    for index in np.linspace(0, len(source) - 1, min(len(source), _SAMPLED_IMAGES)).astype(int):
        checksum = zlib.crc32(source.load(int(index)).tobytes(), checksum)
    return checksum
