"""The 1000 classes of ImageNet-1K: WordNet ids in label order and their readable names.

The names are those CLIP uses for zero-shot classification; missile and sunglasses occur twice.
"""

from __future__ import annotations

from functools import lru_cache

from mindtune.data.datasets.packaged_table import packaged_table


@lru_cache(maxsize=1)
def _classes() -> dict[str, str]:
    return packaged_table("imagenet_classes.tsv")


def imagenet_wnids() -> tuple[str, ...]:
    """The 1000 wnids, sorted: position is the label."""
    return tuple(_classes())


def imagenet_class_names() -> tuple[str, ...]:
    """The 1000 readable names in label order."""
    return tuple(_classes().values())
