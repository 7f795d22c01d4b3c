"""The few images a class that a run trains on, and those it is judged by."""

from __future__ import annotations

import random

from mindtune.config import RunConfig
from mindtune.data.few_shot import few_shot_splits, sample_shots
from mindtune.data.run_splits import RunSplits
from mindtune.data.source import ImageSource
from mindtune.data.splits import require_same_classes
from mindtune.errors import DataError


def few_shot_sources(config: RunConfig, splits: RunSplits) -> dict[str, ImageSource]:
    """Images by what they are for: ``train``, ``val`` and ``test``.

    ``train`` and ``val`` are drawn by ``few_shot_splits`` with the keys ``amu.shots``,
    ``amu.shot_seed`` and ``amu.draw``; ``test`` is the whole split whose numbers the run reports.
    Where no other split is on disk (ImageNet, whose val split is reported), ``val`` comes from the
    training images that are left, and there is none with ``evaluation.selection`` test.

    Raises:
        ConfigError: no number of shots to hold validation images out from.
        DataError: neither test nor val images on disk, too few images of a class, or splits of
            different classes.
    """
    reported = splits.final_split
    if reported not in splits.on_disk:
        raise DataError(
            f"data: got {config.data.name} with {', '.join(splits.on_disk)} images only, expected "
            "a test or val split to judge by"
        )
    train, test = splits.open("train"), splits.open(reported)
    val = splits.open("val") if "val" in splits.on_disk and reported != "val" else None
    sources = {"test": test} if val is None else {"test": test, "val": val}
    require_same_classes({"train": train, **sources})
    options = config.amu
    if val is None and config.evaluation.selection == "test":
        rng = random.Random(options.shot_seed)
        return {"train": sample_shots(train, options.shots, rng, options.draw), "test": test}
    few, few_val = few_shot_splits(train, val, options.shots, options.shot_seed, options.draw)
    return {"train": few, "val": few_val, "test": test}
