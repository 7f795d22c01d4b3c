"""Few-shot accuracy: the mean over many episodes, with its 95 % interval."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mindtune.errors import ConfigError, nearest
from mindtune.evaluation.cosine_classifier import CosineClassifiers
from mindtune.evaluation.episode_classifiers import logistic_regressions, prototypes
from mindtune.evaluation.episode_scoring import LinearClassifiers, episode_accuracies
from mindtune.evaluation.episodes import Episodes, EpisodeShape, FeatureBank, draw_episodes

MakeClassifiers = Callable[[FeatureBank, Episodes, int], LinearClassifiers]

CLASSIFIERS: dict[str, Callable[[], MakeClassifiers]] = {
    "prototype": lambda: prototypes,
    "sgd_cosine": CosineClassifiers,
    "logistic": lambda: logistic_regressions,
}
_EPISODES_AT_ONCE = 1000
_NORMAL_95 = 1.96


@dataclass(frozen=True)
class FewShotResult:
    """Accuracy of each episode in percent, float64 (E,)."""

    accuracies: np.ndarray

    @property
    def mean(self) -> float:
        """Mean accuracy in percent."""
        return float(self.accuracies.mean())

    @property
    def interval(self) -> float:
        """Half the 95 % interval of the mean: 1.96 std / sqrt(E), std with divisor E."""
        return float(_NORMAL_95 * self.accuracies.std() / len(self.accuracies) ** 0.5)


def create_classifiers(name: str) -> MakeClassifiers:
    """What makes the classifiers of episodes, by its name in the configuration.

    Raises:
        ConfigError: unknown name.
    """
    if name not in CLASSIFIERS:
        raise ConfigError(
            f"few_shot.classifiers: got {name!r}, expected a classifier{nearest(name, CLASSIFIERS)}"
        )
    return CLASSIFIERS[name]()


def evaluate_few_shot(
    bank: FeatureBank,
    shape: EpisodeShape,
    make_classifiers: MakeClassifiers,
    episodes: int,
    seed: int,
    *,
    rank: int = 0,
    ranks: int = 1,
    sum_over_ranks: Callable[[np.ndarray], np.ndarray] | None = None,
) -> FewShotResult:
    """Accuracies of episodes 0 ... ``episodes - 1``, which depend on the seed alone.

    They are worked on a thousand at a time; ranks take such groups in turn, so that the numbers
    are the same bit for bit on any number of ranks.

    Args:
        bank: features of all images of the split, the same on all ranks.
        shape: of the episodes; ``check_episodes`` says whether the images fill it.
        make_classifiers: from ``create_classifiers``.
        episodes: how many.
        seed: of the episodes, and of what is random in a classifier.
        rank: this process.
        ranks: all processes.
        sum_over_ranks: adds up float64 arrays of all ranks, where there are several.
    """
    accuracies = np.zeros(episodes)
    for first in range(rank * _EPISODES_AT_ONCE, episodes, ranks * _EPISODES_AT_ONCE):
        count = min(_EPISODES_AT_ONCE, episodes - first)
        drawn = draw_episodes(bank, shape, seed, first, count)
        classifiers = make_classifiers(bank, drawn, seed)
        accuracies[first : first + count] = episode_accuracies(bank, drawn, classifiers)
    return FewShotResult(accuracies if sum_over_ranks is None else sum_over_ranks(accuracies))
