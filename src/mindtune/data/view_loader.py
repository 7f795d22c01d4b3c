"""Batches of views, masks and pairs for self-distillation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np

from mindtune.data.class_order import class_balanced_order
from mindtune.data.class_pairs import Pairing
from mindtune.data.decoding import decoding_pool
from mindtune.data.loader import Batch, Batches, stream_batches
from mindtune.data.masks import MaskSampler, masked_rows
from mindtune.data.normalise import level_map
from mindtune.data.randomness import Stream, epoch_order, sample_rng, stream_rng
from mindtune.data.sharding import check_fills_a_batch, global_batches
from mindtune.data.source import ImageSource
from mindtune.data.views import Views
from mindtune.errors import ConfigError
from mindtune.preprocessing import Preprocessing

_COLUMNS = ["images", "mask", "masked", "masked_weights"]
_CLASS_COLUMNS = ["labels", "pairs", "pair_weights"]


@dataclass(frozen=True)
class ViewLoader:
    """Batches of crops, crop-major: the first crops of all images, then the second ones, ...

    Columns: global crops float32 (2B, 3, S, S); masks bool (2B, N); rows and weights of the masked
    patches (``masked_rows``); with ``pairing`` labels, pairs and weights (``class_pairs``); with
    local crops those, float32 (L B, 3, s, s). All shapes are those of every other batch.

    Attributes:
        unmasked_epochs: first epochs in which nothing is masked.
        together: images of a class that come together (``class_balanced_order``); None: a random
            order, as the authors.

    Raises:
        ConfigError: fewer images than one global batch, or batches that cut such runs.
    """

    source: ImageSource
    views: Views
    masks: MaskSampler
    preprocessing: Preprocessing
    batch_size: int
    seed: int
    pairing: Pairing | None = None
    unmasked_epochs: int = 0
    together: int | None = None
    workers: int = 2
    rank: int = 0
    world_size: int = 1

    def __post_init__(self) -> None:
        if self.together is not None and self.batch_size % self.together:
            raise ConfigError(
                f"self_distillation.images_a_class: got {self.together}, expected a divisor of "
                f"batch_size ({self.batch_size})"
            )
        check_fills_a_batch(len(self._order(0)), self.batch_size, self.world_size)

    @property
    def num_batches(self) -> int:
        """Full global batches in an epoch."""
        return len(self._order(0)) // (self.batch_size * self.world_size)

    def for_epochs(self, epochs: int) -> ViewLoader:
        """This loader with lists of pairs as long as the longest of all ``epochs``.

        The order is a function of (seed, epoch), so that it can be known now: compiled graphs have
        one shape, and no pair is dropped.
        """
        if self.pairing is None:
            return self
        labels = np.asarray(self.source.labels)
        longest = 1
        for epoch in range(epochs):
            batches = global_batches(self._order(epoch), self.batch_size, self.world_size)
            longest = max(longest, self.pairing.longest(labels[batches]))
        return replace(self, pairing=replace(self.pairing, capacity=longest))

    def epoch(self, epoch: int, first_image: int = 0) -> Iterator[Batch]:
        """Batches of epoch ``epoch`` for this rank, ``first_image`` images of which are done."""
        order = self._order(epoch)[first_image:]
        batches = global_batches(order, self.batch_size, self.world_size)
        with decoding_pool(self.workers) as pool:
            begun: dict[int, Callable[[], Batch]] = {}

            def make(number: int) -> Batch:
                # The next one begins before this one is waited for, so that no thread idles at its
                # end.
                for ahead in range(number, min(number + 2, len(batches))):
                    if ahead not in begun:
                        begun[ahead] = self._begin(pool, epoch, batches[ahead])
                return begun.pop(number)()

            yield from stream_batches(Batches(make, len(batches)), self._columns())

    def _order(self, epoch: int) -> np.ndarray:
        if self.together is None:
            return epoch_order(self.seed, epoch, len(self.source))
        return class_balanced_order(self.seed, epoch, self.source.labels, self.together)

    def _columns(self) -> list[str]:
        classes = [] if self.pairing is None else _CLASS_COLUMNS
        return [*_COLUMNS, *classes, *(["local"] if self.views.local_crops else [])]

    def _begin(
        self, pool: ThreadPoolExecutor, epoch: int, indices: np.ndarray
    ) -> Callable[[], Batch]:
        """Let the pool make the views of the images ``indices`` (ranks, B); gives the batch."""
        own = indices[self.rank]
        room = self.views.room(len(own))
        levels = level_map(self.preprocessing.mean, self.preprocessing.std)

        def prepare(place: int) -> None:
            index = int(own[place])
            rng = sample_rng(self.seed, epoch, index)
            self.views.make(self.source.load(index), rng, levels, place, room)

        prepared = pool.map(prepare, range(len(own)))

        def finish() -> Batch:
            masks = self._masks(epoch, own)  # meanwhile
            list(prepared)
            whole, local = (part.reshape(-1, *part.shape[2:]) for part in room)  # (V B, 3, S, S)
            labels = np.asarray(self.source.labels)[indices]
            classes = () if self.pairing is None else self.pairing.columns(labels, self.rank)
            small = (local,) if self.views.local_crops else ()
            return (whole, *masks, *classes, *small)

        return finish

    def _masks(self, epoch: int, own: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Masks (2B, N), and rows and weights of the masked patches."""
        capacity = self.masks.capacity(2 * len(own))
        masks = np.zeros((2 * len(own), *self.masks.grid), bool)
        attempt = 0
        while epoch >= self.unmasked_epochs and (attempt == 0 or masks.sum() > capacity):
            for place, index in enumerate(own):
                rng = stream_rng(self.seed, Stream.MASK, (epoch, int(index), attempt))
                masks[place], masks[place + len(own)] = self.masks(rng), self.masks(rng)
            attempt += 1
        flat = masks.reshape(len(masks), -1)  # (2B, N)
        return (flat, *masked_rows(flat, capacity))
