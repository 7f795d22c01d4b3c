"""Where augmentation gets its random numbers: one independent stream for each sample and batch.

A stream is named by integers, never by what was drawn before it. A resumed run, or one with
another number of workers, therefore sees the same pixels bit for bit.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from mindtune.errors import ConfigError

_LARGEST_SEED = 2**64 - 1
_PHILOX_BLOCK = 4  # 64-bit numbers that one step of the counter gives


class Stream(IntEnum):
    """What a stream is for; a new purpose takes a new number, so that no two ever meet."""

    SAMPLE = 1
    BATCH = 2
    ORDER = 3
    EPISODE = 4
    EPISODE_TRAINING = 5
    MASK = 6
    CLASS_ORDER = 7
    CAPTION = 8


def sample_rng(seed: int, epoch: int, index: int) -> np.random.Generator:
    """The generator for the augmentation of one image.

    Args:
        seed: the run's seed.
        epoch: counted from 0.
        index: the image's index in its data set (not its place in the shuffled order).

    Raises:
        ConfigError: the seed is negative or does not fit 64 bits.
    """
    return stream_rng(seed, Stream.SAMPLE, (epoch, index, 0))


def batch_rng(seed: int, epoch: int, batch_index: int, rank: int) -> np.random.Generator:
    """The generator for what is drawn once a batch: mixing and erasing.

    Args:
        seed: the run's seed.
        epoch: counted from 0.
        batch_index: the batch's number in the epoch, the same on every rank.
        rank: this process among the data-parallel ones.

    Raises:
        ConfigError: the seed is negative or does not fit 64 bits.
    """
    return stream_rng(seed, Stream.BATCH, (epoch, batch_index, rank))


def caption_rng(seed: int, epoch: int, batch_index: int, rank: int) -> np.random.Generator:
    """The generator for the captions of a batch; arguments as those of ``batch_rng``.

    Raises:
        ConfigError: the seed is negative or does not fit 64 bits.
    """
    return stream_rng(seed, Stream.CAPTION, (epoch, batch_index, rank))


def epoch_order(seed: int, epoch: int, count: int) -> np.ndarray:
    """The order in which epoch ``epoch`` visits ``count`` images: a permutation, int64 (count,).

    Raises:
        ConfigError: the seed is negative or does not fit 64 bits.
    """
    return stream_rng(seed, Stream.ORDER, (epoch, 0, 0)).permutation(count)


def episode_draws(seed: int, first: int, count: int, draws: int) -> np.ndarray:
    """Uniform numbers in [0, 1) for few-shot episodes, float64 (count, draws).

    Row i belongs to episode ``first + i`` and is the same whichever episodes are asked for with it,
    so that any number of processes draws the same ones; there is no call a row.

    Args:
        seed: the run's seed.
        first: index of the first episode.
        count: how many episodes.
        draws: numbers an episode.

    Raises:
        ConfigError: the seed is negative or does not fit 64 bits.
    """
    blocks = -(-draws // _PHILOX_BLOCK)
    generator = stream_rng(seed, Stream.EPISODE, (0, 0, 0), first * blocks)
    return generator.random((count, blocks * _PHILOX_BLOCK))[:, :draws]


def episode_training_rng(seed: int, episode: int) -> np.random.Generator:
    """The generator for training a classifier on the support of one episode.

    Raises:
        ConfigError: the seed is negative or does not fit 64 bits.
    """
    return stream_rng(seed, Stream.EPISODE_TRAINING, (episode, 0, 0))


def stream_rng(
    seed: int, stream: Stream, position: tuple[int, int, int], block: int = 0
) -> np.random.Generator:
    """Philox keyed by (seed, purpose), its counter set to ``position`` and a ``block`` there.

    Philox maps (key, 256-bit counter) to random blocks one to one. Drawing only advances the low
    64 bits of the counter, so streams at different positions cannot overlap, and no hashing of a
    seed is needed: making one takes about 7 microseconds.
    """
    if not 0 <= seed <= _LARGEST_SEED:
        raise ConfigError(f"seed: got {seed}, expected a whole number from 0 to 2**64 - 1")
    counter = [block, *position]
    return np.random.Generator(np.random.Philox(key=[seed, int(stream)], counter=counter))
