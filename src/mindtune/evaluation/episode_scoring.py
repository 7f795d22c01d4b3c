"""How many queries of each episode its linear classifier gets right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mindtune.evaluation.episodes import Episodes, FeatureBank
from mindtune.ops.class_wins import class_wins


@dataclass(frozen=True)
class LinearClassifiers:
    """One linear classifier an episode: the score of class n is ``<weights[n], x> + biases[n]``.

    Attributes:
        weights: float32 (E, N, D).
        biases: float32 (E, N).
    """

    weights: np.ndarray
    biases: np.ndarray


def episode_accuracies(
    bank: FeatureBank, episodes: Episodes, classifiers: LinearClassifiers
) -> np.ndarray:
    """Share of the queries that each episode's classifier gets right, percent, float64 (E,).

    A query is right where its own class scores above every other: a tie is wrong, where the
    authors' argmax takes the class drawn first.

    The work goes class by class, not episode by episode: all images of a class meet the classifiers
    of all episodes that have the class in one call, and no query is ever copied.
    """
    right = np.zeros(len(episodes), np.int64)
    for label in np.unique(episodes.classes):
        episode, slot = np.nonzero(episodes.classes == label)  # (e,), every episode at most once
        pairs = np.stack((episode, slot), axis=1).astype(np.int32)  # (e, 2)
        features = bank.of_class(label)  # (n, D)
        is_right = class_wins(features, classifiers.weights, classifiers.biases, pairs)  # (e, n)
        supports = episodes.support[episode, slot] - bank.starts[label]  # (e, K)
        if episodes.query is None:
            np.put_along_axis(is_right, supports, False, axis=1)
            right[episode] += is_right.sum(1)
        else:
            queries = episodes.query[episode, slot] - bank.starts[label]  # (e, Q)
            right[episode] += np.take_along_axis(is_right, queries, axis=1).sum(1)
    return 100.0 * right / _queries(bank, episodes)


def _queries(bank: FeatureBank, episodes: Episodes) -> np.ndarray:
    """Queries of each episode, int64 (E,)."""
    if episodes.query is None:
        return (bank.sizes[episodes.classes] - episodes.support.shape[2]).sum(1)
    return np.full(len(episodes), episodes.query.shape[1] * episodes.query.shape[2])
