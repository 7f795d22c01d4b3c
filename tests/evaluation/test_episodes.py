from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chisquare

from mindtune.errors import ConfigError, DataError
from mindtune.evaluation.episodes import EpisodeShape, FeatureBank, check_episodes, draw_episodes

SIZES = [6, 9, 5, 7]


@pytest.fixture
def bank() -> FeatureBank:
    """Classes of different sizes, mixed; an image's feature is its place in the data set."""
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(4), SIZES))
    return FeatureBank(np.arange(27, dtype=np.float32)[:, None], labels, 4)


def test_bank_sorts_by_class(bank):
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(4), SIZES))
    for label in range(4):
        assert bank.of_class(label)[:, 0].tolist() == np.flatnonzero(labels == label).tolist()


@pytest.mark.parametrize("queries", [None, 3])
def test_images_of_an_episode_are_different_and_of_its_classes(queries, bank):
    episodes = draw_episodes(bank, EpisodeShape(3, 2, queries), 0, 0, 200)
    class_of = np.repeat(np.arange(4), bank.sizes)
    assert all(len(set(row)) == 3 for row in episodes.classes.tolist())
    drawn = episodes.support
    if queries is not None:
        drawn = np.concatenate([episodes.support, episodes.query], axis=2)
        assert drawn.shape == (200, 3, 5)
    assert np.all(class_of[drawn] == episodes.classes[:, :, None])
    assert np.all(np.diff(np.sort(drawn, axis=2), axis=2) > 0)


def test_classes_and_images_are_drawn_alike(bank):
    episodes = draw_episodes(bank, EpisodeShape(2, 2, 1), 3, 0, 6000)
    pairs = np.unique(episodes.classes @ [4, 1], return_counts=True)[1]
    assert len(pairs) == 12
    assert chisquare(pairs).pvalue > 1e-3
    for drawn in (episodes.support[:, 0, 1], episodes.query[:, 0, 0]):
        of_class_1 = drawn[episodes.classes[:, 0] == 1] - bank.starts[1]
        assert chisquare(np.bincount(of_class_1, minlength=9)).pvalue > 1e-3


def test_an_episode_is_a_function_of_seed_and_index(bank):
    shape = EpisodeShape(3, 1, 2)
    whole = draw_episodes(bank, shape, 5, 0, 20)
    part = draw_episodes(bank, shape, 5, 13, 4)
    for name in ("classes", "support", "query"):
        assert np.array_equal(getattr(part, name), getattr(whole, name)[13:17])
    other = draw_episodes(bank, shape, 6, 0, 20)
    assert not np.array_equal(other.support, whole.support)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 1, 1), r"few_shot\.way: got 1, expected at least 2"),
        ((5, 0, 1), r"few_shot\.shots: got 0, expected at least 1"),
        ((5, 1, 0), r"few_shot\.queries: got 0, expected at least 1, or null"),
    ],
)
def test_impossible_shapes(shape, message):
    with pytest.raises(ConfigError, match=message):
        EpisodeShape(*shape)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((5, 1, 1), r"few_shot\.way: got 5, expected at most the 4 classes"),
        ((4, 2, 4), r"got 5 image\(s\) of class 'c', expected at least 6 \(2 support, 4 query\)"),
        (
            (4, 5, None),
            r"of class 'c', expected at least 6 \(5 support, 1 query\)",
        ),
    ],
)
def test_too_little_data(shape, message):
    labels = np.repeat(np.arange(4), SIZES)
    check_episodes(labels, tuple("abcd"), EpisodeShape(4, 4, 1))
    check_episodes(labels, tuple("abcd"), EpisodeShape(4, 4, None))
    with pytest.raises(DataError, match=message):
        check_episodes(labels, tuple("abcd"), EpisodeShape(*shape))
