"""What every rank of a run must be given alike, checked before anything trains."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mindtune.config import RunConfig, flatten
from mindtune.data.identity import identity_of
from mindtune.data.source import ImageSource
from mindtune.engine.distributed.world import World
from mindtune.preprocessing import Preprocessing
from mindtune.run.run_folder import plain

_MAY_DIFFER = {  # machines may keep their images in different places
    "data.root", "data.workers", "forgetting.root", "knn.cache", "text.cache", "amu.cache",
    "few_shot.cache",
}  # fmt: skip


def check_same_config(world: World, config: RunConfig) -> None:
    """Raises ``RanksDifferError`` where ranks were started with different options."""
    values = {k: v for k, v in flatten(plain(config)).items() if k not in _MAY_DIFFER}
    world.check_same_values("configuration", values, "start all ranks with the same options")


def check_same_data(
    world: World, sources: Mapping[str, ImageSource], preprocessing: Preprocessing
) -> None:
    """Raises ``RanksDifferError`` where ranks see different images, or prepare them differently.

    Compared are counts, class names, all labels, and the pixels of a few images of each split.
    """
    if world.size == 1:
        return
    values: dict[str, Any] = {"preprocessing": preprocessing.as_dict()}
    for split, source in sources.items():
        values.update({f"{key} of {split}": v for key, v in identity_of(source).items()})
    world.check_same_values("data", values, "give all ranks the same images and weights")
