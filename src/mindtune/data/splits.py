"""Parts of a data set: held-out validation images, chosen classes, a few images a class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import zip_longest

import numpy as np
from PIL import Image

from mindtune.data.source import ImageSource
from mindtune.errors import ConfigError, DataError, nearest


class Subset:
    """Some images of another source, in a given order, with its classes.

    Args:
        source: where the images are.
        indices: positions in ``source``, (M,).
    """

    def __init__(self, source: ImageSource, indices: Sequence[int] | np.ndarray) -> None:
        self.source = source
        self.indices = np.asarray(indices, dtype=np.int64)
        self.labels = source.labels[self.indices]
        self.class_names = source.class_names

    def __len__(self) -> int:
        return len(self.indices)

    def load(self, index: int) -> Image.Image:
        """Decode image ``index`` of this subset."""
        return self.source.load(int(self.indices[index]))

    def describe(self, index: int) -> str:
        """Name image ``index`` as its source does."""
        return self.source.describe(int(self.indices[index]))


class _Relabelled(Subset):
    """A subset whose labels count other classes than its source's."""

    def __init__(
        self,
        source: ImageSource,
        indices: np.ndarray,
        labels: np.ndarray,
        class_names: tuple[str, ...],
    ) -> None:
        super().__init__(source, indices)
        self.labels = labels
        self.class_names = class_names


def hold_out(source: ImageSource, fraction: float, seed: int) -> tuple[Subset, Subset]:
    """Split a source in two, class by class, into ``(train, val)``.

    Each class of n images gives ``fraction * n`` (rounded half up) of them to val, but at least
    one when n >= 2, and always keeps at least one for train. Both parts keep the source's order.

    Args:
        source: the images to split.
        fraction: share of val, in (0, 1).
        seed: the same seed gives the same split on every machine.

    Raises:
        ConfigError: ``fraction`` is out of range.
        DataError: a class without an image, or no class with two.
    """
    if not 0 < fraction < 1:
        raise ConfigError(f"hold_out fraction: got {fraction}, expected 0 < value < 1")
    held = []
    for members in _shuffled_classes(source, seed):
        count = min(max(int(len(members) * fraction + 0.5), 1), len(members) - 1)
        held.append(members[:count])
    val = np.sort(np.concatenate(held))
    if len(val) == 0:
        raise DataError(
            f"hold_out: got {len(source):,} images with no class of two or more, expected at "
            "least two images of some class; add images or give a val split"
        )
    train = np.setdiff1d(np.arange(len(source)), val)
    return Subset(source, train), Subset(source, val)


def require_same_classes(sources: Mapping[str, ImageSource]) -> None:
    """Refuse splits whose labels mean different classes, as those of few-shot sets.

    Args:
        sources: by what they are for; the first one decides.

    Raises:
        DataError: naming the first class that differs.
    """
    reference, *others = sources.items()
    for purpose, source in others:
        for mine, theirs in zip_longest(reference[1].class_names, source.class_names):
            if mine != theirs:
                raise DataError(
                    f"data: got class {theirs!r} in the images of {purpose} where those of "
                    f"{reference[0]} have {mine!r}, expected the same classes; a few-shot set is "
                    "for eval.py --protocol few_shot and for self-supervised training"
                )


def limit_per_class(source: ImageSource, shots: int, seed: int) -> Subset:
    """Keep at most ``shots`` randomly chosen images of each class, in the source's order.

    Raises:
        ConfigError: ``shots`` is below 1.
        DataError: a class without an image.
    """
    if shots < 1:
        raise ConfigError(f"shots: got {shots}, expected >= 1")
    chosen = [members[:shots] for members in _shuffled_classes(source, seed)]
    return Subset(source, np.sort(np.concatenate(chosen)))


def _shuffled_classes(source: ImageSource, seed: int) -> list[np.ndarray]:
    """Indices of each class in random order. Raises ``DataError`` for a class without an image."""
    # RandomState, unlike default_rng, promises the same stream in every NumPy release
    rng = np.random.RandomState(seed)
    classes = []
    for label, name in enumerate(source.class_names):
        members = np.flatnonzero(source.labels == label)
        if len(members) == 0:
            raise DataError(
                f"class {name!r}: got no image, expected at least one; "
                "add images or leave the class out"
            )
        classes.append(rng.permutation(members))
    return classes


def select_classes(source: ImageSource, classes: Sequence[str | int]) -> ImageSource:
    """Keep only some classes, relabelled 0..n-1 in the given order.

    Args:
        source: the images to choose from.
        classes: class names or label numbers; a string is always a name.

    Raises:
        DataError: empty list, unknown, ambiguous or repeated class.
    """
    if not classes:
        raise DataError(
            "data.classes: got an empty list, expected at least one class name or number"
        )
    chosen = [_class_index(source.class_names, wanted) for wanted in classes]
    repeated = [source.class_names[old] for old, times in Counter(chosen).items() if times > 1]
    if repeated:
        raise DataError(
            f"data.classes: got {repeated[0]!r} more than once, expected each class once"
        )
    new_label = np.full(len(source.class_names), -1, dtype=np.int32)
    new_label[chosen] = np.arange(len(chosen), dtype=np.int32)
    labels = new_label[source.labels]
    indices = np.flatnonzero(labels >= 0)
    names = tuple(source.class_names[old] for old in chosen)
    return _Relabelled(source, indices, labels[indices], names)


def _class_index(names: tuple[str, ...], wanted: str | int) -> int:
    if isinstance(wanted, str):
        matches = [index for index, name in enumerate(names) if name == wanted]
        if not matches:
            raise DataError(
                f"data.classes: got {wanted!r}, expected a class name{nearest(wanted, names)}"
            )
        if len(matches) > 1:
            raise DataError(
                f"data.classes: got {wanted!r}, which names classes {matches}; "
                "give the number instead"
            )
        return matches[0]
    if not 0 <= wanted < len(names):
        raise DataError(f"data.classes: got {wanted}, expected a number from 0 to {len(names) - 1}")
    return wanted
