"""Streams are functions of their names, and no two names share one."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from mindtune.data.randomness import (
    batch_rng,
    episode_draws,
    episode_training_rng,
    sample_rng,
)
from mindtune.errors import ConfigError


@pytest.mark.parametrize("make", [sample_rng, lambda *name: batch_rng(*name, 1)])
def test_same_name_same_numbers(make):
    first, second = make(47, 3, 12), make(47, 3, 12)
    np.testing.assert_array_equal(first.random(100), second.random(100))


def test_no_two_streams_share_a_block():
    numbers = (0, 1, 2, 2**32, 2**63)
    streams = [sample_rng(*name) for name in itertools.product(numbers, repeat=3)]
    streams += [batch_rng(*name) for name in itertools.product(numbers, repeat=4)]
    words = np.concatenate([rng.bit_generator.random_raw(16) for rng in streams])
    assert len(np.unique(words)) == len(words) == 16 * (5**3 + 5**4)


@pytest.mark.parametrize("draws", [1, 4, 7])
def test_draws_of_an_episode_do_not_depend_on_its_neighbours(draws):
    whole = episode_draws(3, 0, 50, draws)
    assert whole.shape == (50, draws)
    np.testing.assert_array_equal(episode_draws(3, 17, 5, draws), whole[17:22])
    assert len(np.unique(whole)) == whole.size
    assert not np.isin(episode_draws(4, 0, 50, draws), whole).any()
    assert not np.isin(episode_training_rng(3, 0).random(200), whole).any()


def test_neighbouring_streams_look_independent():
    draws = np.array([sample_rng(0, 0, index).random(8) for index in range(4000)])
    correlation = np.corrcoef(np.hstack([draws[:-1], draws[1:]]), rowvar=False)
    assert np.abs(correlation - np.eye(16)).max() < 5 / np.sqrt(4000)
    assert np.abs(draws.mean(axis=0) - 0.5).max() < 5 * np.sqrt(1 / 12 / 4000)


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_a_seed_out_of_range_is_refused(seed):
    with pytest.raises(ConfigError, match=rf"seed: got {seed}, expected"):
        sample_rng(seed, 0, 0)
