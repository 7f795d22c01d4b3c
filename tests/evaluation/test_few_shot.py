from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from evaluation import few_shot_oracle as oracle
from mindtune.errors import ConfigError
from mindtune.evaluation import few_shot
from mindtune.evaluation.cosine_classifier import CosineClassifiers
from mindtune.evaluation.episode_classifiers import logistic_regressions, prototypes
from mindtune.evaluation.episode_scoring import LinearClassifiers, episode_accuracies
from mindtune.evaluation.episodes import EpisodeShape, FeatureBank, draw_episodes
from mindtune.evaluation.few_shot import FewShotResult, create_classifiers, evaluate_few_shot

GOLDEN = np.load(Path(__file__).parents[1] / "data" / "golden" / "smkd_episodes.npz")


def golden_bank() -> FeatureBank:
    features = GOLDEN["feats"]
    classes, images, width = features.shape
    labels = np.repeat(np.arange(classes), images)
    return FeatureBank(features.reshape(-1, width), labels, classes)


@cache
def uneven_bank(width: int = 12) -> FeatureBank:
    """Six classes of 9 to 14 images, which overlap."""
    rng = np.random.default_rng(1)
    labels = np.repeat(np.arange(6), np.arange(9, 15))
    features = rng.standard_normal((len(labels), width)) + rng.standard_normal((6, width))[labels]
    return FeatureBank(features.astype(np.float32), labels, 6)


@pytest.mark.parametrize("shot", [1, 5])
def test_prototypes_on_the_authors_episodes(shot):
    bank = golden_bank()
    episodes = oracle.golden_episodes(GOLDEN["feats"], 5, shot, 10)
    found = episode_accuracies(bank, episodes, prototypes(bank, episodes, 0))
    np.testing.assert_allclose(found, GOLDEN[f"cosine{shot}"], rtol=0, atol=1e-9)


def test_sgd_cosine_on_the_authors_episodes():
    """Classes and supports only of the first are the authors', whose training draws on its own."""
    bank = golden_bank()
    episodes = oracle.golden_episodes(GOLDEN["feats"], 5, 5, 1)
    found = episode_accuracies(bank, episodes, CosineClassifiers()(bank, episodes, 0))
    np.testing.assert_allclose(found, GOLDEN["classifier5"][:1], rtol=0, atol=1.5)


@pytest.mark.parametrize("queries", [None, 4])
def test_accuracies_are_those_of_one_query_at_a_time(queries):
    bank = uneven_bank()
    episodes = draw_episodes(bank, EpisodeShape(3, 2, queries), 0, 5, 8)
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((8, 3, 12)).astype(np.float32)
    biases = rng.standard_normal((8, 3)).astype(np.float32)
    found = episode_accuracies(bank, episodes, LinearClassifiers(weights, biases))
    expected = [oracle.accuracy(bank, episodes, i, weights[i], biases[i]) for i in range(8)]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)
    assert len(set(expected)) > 3


def test_a_tie_is_wrong():
    bank = FeatureBank(np.ones((8, 2), np.float32), np.repeat([0, 1], 4), 2)
    episodes = draw_episodes(bank, EpisodeShape(2, 1, None), 0, 0, 3)
    assert episode_accuracies(bank, episodes, prototypes(bank, episodes, 0)).tolist() == [0, 0, 0]


@pytest.mark.parametrize("ways", [2, 3])
def test_logistic_regression_is_scikit_learns(ways):
    bank = uneven_bank()
    episodes = draw_episodes(bank, EpisodeShape(ways, 3, None), 2, 0, 4)
    found = episode_accuracies(bank, episodes, logistic_regressions(bank, episodes, 0))
    for index in range(4):
        model = LogisticRegression(max_iter=1000)
        support = episodes.support[index].reshape(-1)
        model.fit(bank.features[support], np.repeat(np.arange(ways), 3))
        right = total = 0
        for slot, label in enumerate(episodes.classes[index]):
            rows = np.arange(bank.sizes[label]) + bank.starts[label]
            rows = np.setdiff1d(rows, support)
            right += np.sum(model.predict(bank.features[rows]) == slot)
            total += len(rows)
        assert found[index] == pytest.approx(100 * right / total)


@pytest.mark.parametrize("width", [12, 40])  # fewer and more than support and classes span
def test_sgd_cosine_trains_as_in_the_space_of_the_features(width):
    bank = uneven_bank(width)
    episodes = draw_episodes(bank, EpisodeShape(3, 3, None), 7, 20, 3)
    found = CosineClassifiers(epochs=30)(bank, episodes, 7)
    for index in range(3):
        expected = oracle.sgd_cosine(bank, episodes, index, 7, epochs=30)
        np.testing.assert_allclose(found.weights[index], expected, rtol=0, atol=1e-5)


def test_training_pays():
    """The trained classifier is not its initial weights, and not far from the prototypes."""
    bank = uneven_bank(40)
    mean = {
        name: evaluate_few_shot(bank, EpisodeShape(3, 5, 3), make, 20, 0).mean
        for name, make in (
            ("untrained", CosineClassifiers(epochs=1, lr=1e-9)),
            ("trained", CosineClassifiers()),
            ("prototype", prototypes),
        )
    }
    assert mean["untrained"] < 50 < 80 < mean["trained"]
    assert abs(mean["trained"] - mean["prototype"]) < 8


@pytest.mark.parametrize("name", sorted(few_shot.CLASSIFIERS))
def test_the_same_numbers_on_any_number_of_ranks(name, monkeypatch):
    monkeypatch.setattr(few_shot, "_EPISODES_AT_ONCE", 4)
    make = CosineClassifiers(epochs=2) if name == "sgd_cosine" else create_classifiers(name)
    bank, shape = uneven_bank(), EpisodeShape(3, 1, None)
    alone = evaluate_few_shot(bank, shape, make, 10, 3)
    shares = [
        evaluate_few_shot(
            bank, shape, make, 10, 3, rank=rank, ranks=2, sum_over_ranks=lambda own: own
        ).accuracies
        for rank in range(2)
    ]
    assert np.array_equal(alone.accuracies, shares[0] + shares[1])
    assert np.array_equal(shares[1] > 0, np.isin(np.arange(10), np.arange(4, 8)))
    more = evaluate_few_shot(bank, shape, make, 20, 3)
    assert np.array_equal(more.accuracies[:8], alone.accuracies[:8])
    other = evaluate_few_shot(bank, shape, make, 10, 4)
    assert not np.array_equal(other.accuracies, alone.accuracies)


def test_mean_and_interval_as_the_authors_compute_them():
    result = FewShotResult(np.array([50.0, 70.0, 90.0, 70.0]))
    assert result.mean == 70
    assert result.interval == pytest.approx(1.96 * np.sqrt(200) / 2)


def test_an_unknown_classifier_is_answered_with_the_nearest():
    with pytest.raises(ConfigError, match=r"got 'prototypes', .*did you mean 'prototype'"):
        create_classifiers("prototypes")
