"""k images a class, drawn as the authors' code draws them, so that seeds mean the same images.

CoOp (Zhou et al., IJCV 2022), Tip-Adapter, CaFo and AMU-Tuning draw with CPython's ``random``; its
stream of a seed is the same in Python 3.9 to 3.12. Ours is a generator of its own: nothing else can
consume from it between the seed and the draw.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

import numpy as np

from mindtune.data.source import ImageSource
from mindtune.data.splits import Subset
from mindtune.errors import ConfigError, DataError, check_option

_MOST_VAL_SHOTS = 4

Rule = Callable[[ImageSource, int, random.Random], "list[int]"]


def _imagenet_shots(source: ImageSource, shots: int, rng: random.Random) -> list[int]:
    """``random.sample`` of every class in label order; a class with fewer images is an error."""
    drawn: list[int] = []
    members = _members(source)
    for label in range(len(source.class_names)):
        found = members.get(label, [])
        if len(found) < shots:
            raise DataError(
                f"class {source.class_names[label]!r}: got {len(found)} images, expected at least "
                f"{shots} to draw {shots} shots from; give fewer shots, or the rule coop, which "
                "draws them again"
            )
        drawn += rng.sample(found, shots)
    return drawn


def _coop_shots(source: ImageSource, shots: int, rng: random.Random) -> list[int]:
    """Classes in the order of their first image; one with fewer gives images more than once."""
    drawn: list[int] = []
    for found in _members(source).values():
        enough = len(found) >= shots
        drawn += rng.sample(found, shots) if enough else rng.choices(found, k=shots)
    return drawn


RULES: Mapping[str, Rule] = {"coop": _coop_shots, "imagenet": _imagenet_shots}
"""How to draw, by name: ``coop`` for CoOp's ten sets, ``imagenet`` for ImageNet."""


def sample_shots(
    source: ImageSource, shots: int, rng: random.Random, rule: str = "coop"
) -> ImageSource:
    """``shots`` images of every class, in the order drawn.

    Args:
        source: images in the order of the authors' lists: of the split file, or sorted by path.
        shots: images a class; 0 or fewer: all of ``source``, nothing is drawn.
        rng: ``random.Random(seed)``; further draws go on from where this one ends.
        rule: one of ``RULES``.

    Raises:
        ConfigError: unknown rule.
        DataError: rule imagenet and a class with fewer images.
    """
    check_option("rule", rule, RULES)
    if shots < 1:
        return source
    return Subset(source, RULES[rule](source, shots, rng))


def few_shot_splits(
    train: ImageSource,
    val: ImageSource | None,
    shots: int,
    seed: int,
    rule: str = "coop",
) -> tuple[ImageSource, ImageSource]:
    """Few-shot train and validation images; the first do not depend on the second.

    Validation has min(``shots``, 4) images a class, drawn after the training images, as CoOp does.
    Where there is no validation split (ImageNet), they are drawn from the training images that are
    left, which the authors' code never does: it selects on the test set.

    Args:
        train: training images.
        val: validation images, if the set has any.
        shots: training images a class; 0 or fewer: all of both.
        seed: of both draws.
        rule: one of ``RULES``, for both.

    Raises:
        ConfigError: unknown rule, or all of ``train`` taken where no ``val`` is given.
        DataError: too few images of a class.
    """
    rng = random.Random(seed)
    chosen = sample_shots(train, shots, rng, rule)
    if val is not None:
        return chosen, sample_shots(val, min(shots, _MOST_VAL_SHOTS), rng, rule)
    if not isinstance(chosen, Subset) or shots < 1:
        raise ConfigError(
            f"shots: got {shots}, which takes all training images of a set without a val split, "
            "expected at least 1; give a number of shots"
        )
    left = Subset(train, np.setdiff1d(np.arange(len(train)), chosen.indices))
    _refuse_empty_classes(left)
    return chosen, sample_shots(left, min(shots, _MOST_VAL_SHOTS), rng, rule)


def _members(source: ImageSource) -> dict[int, list[int]]:
    """Positions of every class, classes in the order of their first image."""
    members: dict[int, list[int]] = {}
    for index, label in enumerate(source.labels.tolist()):
        members.setdefault(label, []).append(index)
    return members


def _refuse_empty_classes(left: Subset) -> None:
    counts = np.bincount(left.labels, minlength=len(left.class_names))
    if counts.min() == 0:
        name = left.class_names[int(counts.argmin())]
        raise DataError(
            f"class {name!r}: got no image for validation beside its shots, expected at least one; "
            "give fewer shots or add images"
        )
