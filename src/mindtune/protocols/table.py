"""Protocols by what ``--protocol`` calls them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mindtune.protocols import imagenet
from mindtune.protocols.classification import classification
from mindtune.protocols.diagnose import diagnose
from mindtune.protocols.evaluation import Evaluation
from mindtune.protocols.few_shot import few_shot
from mindtune.protocols.few_shot_clip import few_shot_clip
from mindtune.protocols.knn import knn
from mindtune.protocols.pictures import pictures
from mindtune.protocols.throughput import throughput
from mindtune.protocols.zero_shot import zero_shot

Protocol = Callable[[Evaluation], "tuple[str, dict[str, Any]]"]

PROTOCOLS: dict[str, Protocol] = {
    "classification": classification,
    "knn": knn,
    "few_shot": few_shot,
    "few_shot_clip": few_shot_clip,
    "zero_shot": zero_shot,
    "diagnose": diagnose,
    "pictures": pictures,
    "throughput": throughput,
    "imagenet_c": imagenet.corruptions,
    **dict.fromkeys(imagenet.SUBSETS, imagenet.subset),
}
"""Each gives the name of the result's file, and what the result holds, ``metrics`` among it."""
WITHOUT_WEIGHTS = ("throughput",)
OF_RANDOM_WEIGHTS = ("few_shot",)
