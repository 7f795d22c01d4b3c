"""The split that a protocol judges a network on."""

from __future__ import annotations

from typing import Any

from mindtune import assemble
from mindtune.config import EvaluateConfig, flatten
from mindtune.data.source import ImageSource
from mindtune.errors import ConfigError
from mindtune.frozen.few_shot_sources import few_shot_sources
from mindtune.pretrained import Pretrained
from mindtune.protocols.evaluation import Evaluation
from mindtune.run import run_folder

_HOLD_OUT_KEYS = (
    "seed", "data.name", "data.classes", "data.val_fraction", "data.skip_unreadable",
    "evaluation.selection", "amu.shots", "amu.shot_seed", "amu.draw",
)  # fmt: skip


def judged_split(evaluation: Evaluation) -> tuple[str, ImageSource, dict[str, Any]]:
    """Name and images of the split, and what the result says of them.

    Raises:
        ConfigError: images held out for validation that the run may have trained on.
        DataError: the data set has no such split.
    """
    config = evaluation.config
    splits = assemble.build_splits(config, evaluation.console.print)
    split = config.split or splits.final_split
    held_out = split == "val" and "val" not in splits.on_disk
    if held_out and evaluation.given is not None:
        _refuse_other_hold_out(config, evaluation.given)
    if held_out and config.method == "amu":
        source = few_shot_sources(config, splits)["val"]
    else:
        source = splits.evaluation(split)
    found = {"split": split, "data": vars(config.data), "skipped_images": splits.skipped}
    return split, source, found


def _refuse_other_hold_out(config: EvaluateConfig, pretrained: Pretrained) -> None:
    """A validation split cut anew must be the one that training left out."""
    stored = flatten(pretrained.header.get("config", {}))
    if not stored:
        return
    present = flatten(run_folder.plain(config))
    differing = [k for k in _HOLD_OUT_KEYS if k in stored and stored[k] != present.get(k)]
    if differing or stored["evaluation.selection"] != "val":
        reason = (
            f"{differing[0]} {stored[differing[0]]} -> {present[differing[0]]}"
            if differing
            else "the run chose on test, so all of train was trained on"
        )
        raise ConfigError(
            f"split: got val, which is no split of {config.data.name} on disk, and the part held "
            f"out now would hold training images ({reason}); use --split test, or the values of "
            "the run"
        )
