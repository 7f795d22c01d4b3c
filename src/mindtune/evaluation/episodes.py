"""Few-shot episodes: which images of which classes are support and query, many at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mindtune.data.randomness import episode_draws
from mindtune.errors import ConfigError, DataError


@dataclass(frozen=True)
class EpisodeShape:
    """N-way K-shot.

    Attributes:
        way: N, classes an episode.
        shot: K, labelled images a class.
        queries: images a class to classify; None: all the rest of the class, as the SMKD authors'
            code (600 - K of 600).

    Raises:
        ConfigError: fewer than two classes, or a number below 1.
    """

    way: int = 5
    shot: int = 1
    queries: int | None = 15

    def __post_init__(self) -> None:
        if self.way < 2:
            raise ConfigError(f"few_shot.way: got {self.way}, expected at least 2 classes")
        if self.shot < 1:
            raise ConfigError(f"few_shot.shots: got {self.shot}, expected at least 1")
        if self.queries is not None and self.queries < 1:
            raise ConfigError(
                f"few_shot.queries: got {self.queries}, expected at least 1, or null for all the "
                "rest of each class"
            )

    def __str__(self) -> str:
        return f"{self.way}-way {self.shot}-shot"


class FeatureBank:
    """Features sorted by class, so that the images of a class are neighbours.

    Args:
        features: float32 (M, D).
        labels: int (M,), each in ``[0, num_classes)``.
        num_classes: C.

    Attributes:
        features: float32 (M, D), class after class.
        starts: int64 (C,), the row where each class begins.
        sizes: int64 (C,), images of each class.
    """

    def __init__(self, features: np.ndarray, labels: np.ndarray, num_classes: int) -> None:
        self.features = np.ascontiguousarray(features[np.argsort(labels, kind="stable")])
        self.sizes = np.bincount(labels, minlength=num_classes).astype(np.int64)
        self.starts = np.cumsum(self.sizes) - self.sizes

    def of_class(self, label: int) -> np.ndarray:
        """Features of one class, (n, D)."""
        return self.features[self.starts[label] : self.starts[label] + self.sizes[label]]


def check_episodes(labels: np.ndarray, class_names: Sequence[str], shape: EpisodeShape) -> None:
    """Refuse episodes that the images cannot fill.

    Raises:
        DataError: fewer classes than ways, or a class with too few images.
    """
    if len(class_names) < shape.way:
        raise DataError(
            f"few_shot.way: got {shape.way}, expected at most the {len(class_names)} classes of "
            "the split; lower it, or choose another --split"
        )
    queries = shape.queries or 1
    sizes = np.bincount(labels, minlength=len(class_names))
    poorest = int(np.argmin(sizes))
    if sizes[poorest] < shape.shot + queries:
        raise DataError(
            f"few_shot: got {sizes[poorest]} image(s) of class {class_names[poorest]!r}, expected "
            f"at least {shape.shot + queries} ({shape.shot} support, {queries} query); lower "
            "few_shot.shots or few_shot.queries, or leave the class out (--data.classes)"
        )


@dataclass(frozen=True)
class Episodes:
    """Some episodes in a row; all numbers are rows of the bank's features.

    Attributes:
        first: index of the first one.
        classes: int64 (E, N), different classes in random order.
        support: int64 (E, N, K).
        query: int64 (E, N, Q); None: all rows of the classes that are no support.
    """

    first: int
    classes: np.ndarray
    support: np.ndarray
    query: np.ndarray | None

    def __len__(self) -> int:
        return len(self.classes)


def draw_episodes(
    bank: FeatureBank, shape: EpisodeShape, seed: int, first: int, count: int
) -> Episodes:
    """Episodes ``first`` ... ``first + count - 1``, each a function of (seed, index, shape).

    Classes, and images of a class, are drawn without replacement, all alike.
    """
    ways, images = shape.way, shape.shot + (shape.queries or 0)
    uniform = episode_draws(seed, first, count, ways * (1 + images))
    all_classes = np.full(count, len(bank.sizes))
    classes = _draw_distinct(uniform[:, :ways], all_classes)  # (E, N)
    uniform = uniform[:, ways:].reshape(count * ways, images)  # (E * N, images)
    drawn = _draw_distinct(uniform, bank.sizes[classes].reshape(-1))
    rows = drawn.reshape(count, ways, images) + bank.starts[classes][:, :, None]
    query = None if shape.queries is None else rows[:, :, shape.shot :]
    return Episodes(first, classes, rows[:, :, : shape.shot], query)


def _draw_distinct(uniform: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Row by row, the first steps of a shuffle of ``range(size)``: int64 (R, m).

    Args:
        uniform: numbers in [0, 1), (R, m).
        sizes: how many there are to draw from in each row, (R,), at least m.
    """
    rows = np.arange(len(sizes))
    deck = np.tile(np.arange(sizes.max()), (len(sizes), 1))  # (R, largest size)
    for step in range(uniform.shape[1]):
        chosen = step + (uniform[:, step] * (sizes - step)).astype(np.int64)
        taken = deck[rows, chosen]
        deck[rows, chosen] = deck[:, step]
        deck[:, step] = taken
    return deck[:, : uniform.shape[1]]
