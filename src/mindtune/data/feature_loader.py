"""Training batches of features that were computed before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mindtune.data.sharding import check_fills_a_batch, rank_batches


@dataclass(frozen=True)
class FeatureLoader:
    """Batches (labels int32 (B,), features (B, D_i) of each network) in a random order.

    Epoch e takes view e mod K of every image.

    Args:
        labels: (N,).
        views: K arrays (N, D_i) a network, views of each image; may be memory-mapped.
        batch_size: images a batch and rank.
        seed: of the order.
        rank: this process.
        world_size: all processes.

    Raises:
        ConfigError: fewer images than one global batch.
    """

    labels: np.ndarray
    views: Sequence[np.ndarray | Sequence[np.ndarray]]
    batch_size: int
    seed: int
    rank: int = 0
    world_size: int = 1

    def __post_init__(self) -> None:
        check_fills_a_batch(len(self.labels), self.batch_size, self.world_size)

    @property
    def num_batches(self) -> int:
        """Full global batches in an epoch."""
        return len(self.labels) // (self.batch_size * self.world_size)

    def epoch(self, epoch: int, first_image: int = 0) -> Iterator[tuple[np.ndarray, ...]]:
        """Batches of epoch ``epoch`` for this rank, see ``rank_batches``."""
        indices = rank_batches(
            self.seed,
            epoch,
            len(self.labels),
            batch_size=self.batch_size,
            rank=self.rank,
            world_size=self.world_size,
            first_image=first_image,
        )
        for batch in indices:
            columns = [views[epoch % len(views)][batch] for views in self.views]
            yield (self.labels[batch].astype(np.int32), *columns)
