"""Which images of an epoch each rank sees, and in which batches."""

from __future__ import annotations

import numpy as np

from mindtune.data.randomness import epoch_order
from mindtune.errors import ConfigError


def check_fills_a_batch(images: int, batch_size: int, world_size: int) -> None:
    """Refuse fewer images than one global batch.

    Raises:
        ConfigError: naming both.
    """
    if images < batch_size * world_size:
        raise ConfigError(
            f"batch_size: got {batch_size} x {world_size} device(s), expected at "
            f"most the {images} training images; lower --batch_size"
        )


def rank_batches(
    seed: int,
    epoch: int,
    images: int,
    *,
    batch_size: int,
    rank: int = 0,
    world_size: int = 1,
    first_image: int = 0,
) -> np.ndarray:
    """Image indices of ``rank`` in the rest of an epoch, (batches, batch_size).

    The order of epoch e is a permutation drawn from (seed, e); global batch b holds its images
    ``b * G ... (b + 1) * G - 1`` with G = batch_size * world_size, of which rank r takes the r-th
    part. What is left over is dropped, since mixing and compiled graphs need full batches.

    Args:
        seed: of the run.
        epoch: counted from 0.
        images: in the data set.
        batch_size: images a batch and rank.
        rank: this process.
        world_size: all processes.
        first_image: images of the epoch that all ranks have already seen together, on however
            many ranks that was.
    """
    order = epoch_order(seed, epoch, images)[first_image:]
    return global_batches(order, batch_size, world_size)[:, rank]


def global_batches(order: np.ndarray, batch_size: int, world_size: int) -> np.ndarray:
    """``order`` cut into whole global batches and their ranks' parts, (batches, ranks, batch_size).

    What is left over is dropped.
    """
    batches = len(order) // (batch_size * world_size)
    used = order[: batches * world_size * batch_size]
    return used.reshape(batches, world_size, batch_size)
