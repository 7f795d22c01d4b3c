"""mindspore.dataset pipelines whose every sample is a function of (seed, epoch, index)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import mindspore.dataset as ds
import numpy as np

from mindtune.data.decoding import decoding_pool
from mindtune.data.erasing import RandomErasing
from mindtune.data.mixing import Mixing
from mindtune.data.normalise import normalise
from mindtune.data.randomness import batch_rng, sample_rng
from mindtune.data.sharding import check_fills_a_batch, rank_batches
from mindtune.data.source import ImageSource
from mindtune.data.transforms import TrainTransform
from mindtune.errors import DataError
from mindtune.preprocessing import Preprocessing

Batch = tuple[np.ndarray, ...]


class Batches:
    """Batches by number for GeneratorDataset; remembers the fault that stopped it.

    mindspore.dataset turns an exception of a worker into a RuntimeError with a C++ trace; the
    loader raises the remembered one instead.
    """

    def __init__(self, make: Callable[[int], Batch], count: int) -> None:
        self.make = make
        self.count = count
        self.fault: DataError | None = None

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int) -> Batch:
        try:
            return self.make(int(number))
        except DataError as error:
            self.fault = error
            raise


def stream_batches(batches: Batches, columns: list[str]) -> Iterator[Batch]:
    """``batches`` in order, made ahead of the consumer.

    A row of the dataset is a whole batch and one thread of MindSpore's asks for it: its threads
    wait for Python's interpreter lock so long that two of them are slower than one.
    """
    if len(batches) == 0:
        return
    pipeline = ds.GeneratorDataset(
        batches, columns, shuffle=False, num_parallel_workers=1, python_multiprocessing=False
    )
    try:
        yield from pipeline.create_tuple_iterator(num_epochs=1, output_numpy=True)
    except RuntimeError as error:
        if batches.fault is not None:
            raise batches.fault from error
        raise


def _prepare(
    pool: ThreadPoolExecutor, prepare: Callable[[int], np.ndarray], indices: np.ndarray
) -> np.ndarray:
    """Images ``indices`` as uint8 (B, S, S, 3): PIL decodes and resizes them side by side."""
    return np.stack(list(pool.map(prepare, indices.tolist())))


@dataclass(frozen=True)
class TrainLoader:
    """Batches (images float32 (B, 3, S, S), soft targets float32 (B, K)) of a training epoch.

    Order and parts of the ranks are those of ``rank_batches``.

    Raises:
        ConfigError: fewer images than one global batch.
    """

    source: ImageSource
    view: TrainTransform
    mixing: Mixing
    erasing: RandomErasing
    preprocessing: Preprocessing
    batch_size: int
    seed: int
    workers: int = 2
    rank: int = 0
    world_size: int = 1

    def __post_init__(self) -> None:
        check_fills_a_batch(len(self.source), self.batch_size, self.world_size)

    @property
    def num_batches(self) -> int:
        """Full global batches in an epoch."""
        return len(self.source) // (self.batch_size * self.world_size)

    def epoch(self, epoch: int, first_image: int = 0) -> Iterator[Batch]:
        """Batches of epoch ``epoch`` for this rank.

        Args:
            epoch: counted from 0.
            first_image: images of the epoch that all ranks have already seen together, on however
                many ranks that was.
        """
        global_batch = self.batch_size * self.world_size
        first_batch = first_image // global_batch
        indices = rank_batches(
            self.seed,
            epoch,
            len(self.source),
            batch_size=self.batch_size,
            rank=self.rank,
            world_size=self.world_size,
            first_image=first_image,
        )

        def prepare(index: int) -> np.ndarray:
            return self.view(self.source.load(index), sample_rng(self.seed, epoch, index))

        with decoding_pool(self.workers) as pool:

            def make(number: int) -> Batch:
                images = _prepare(pool, prepare, indices[number])
                rng = batch_rng(self.seed, epoch, first_batch + number, self.rank)
                return self._collate(images, self.source.labels[indices[number]], rng)

            batches = Batches(make, len(indices))
            yield from stream_batches(batches, ["images", "targets"])

    def _collate(
        self, images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        mixed, targets = self.mixing(images, labels, rng)
        pixels = normalise(mixed, self.preprocessing.mean, self.preprocessing.std)
        return self.erasing(pixels, rng), targets


@dataclass(frozen=True)
class EvalLoader:
    """Batches (images float32 (B, 3, S, S), labels int32 (B,), valid bool (B,)) in order.

    Every image comes exactly once over all ranks. The last batch is filled up to B with copies
    that ``valid`` marks False, so that one compiled graph serves all batches.
    """

    source: ImageSource
    view: Callable[..., np.ndarray]
    preprocessing: Preprocessing
    batch_size: int
    workers: int = 2
    rank: int = 0
    world_size: int = 1

    def __iter__(self) -> Iterator[Batch]:
        mine = np.arange(len(self.source))[self.rank :: self.world_size]
        count = -(-len(mine) // self.batch_size)

        with decoding_pool(self.workers) as pool:

            def make(number: int) -> Batch:
                positions = np.arange(number * self.batch_size, (number + 1) * self.batch_size)
                valid = positions < len(mine)
                used = mine[positions[valid]]
                images = _prepare(pool, self.prepare, used)
                filled = np.concatenate([images, images[-1:].repeat(np.sum(~valid), axis=0)])
                labels = np.pad(self.source.labels[used], (0, int(np.sum(~valid))), mode="edge")
                mean, std = self.preprocessing.mean, self.preprocessing.std
                return normalise(filled, mean, std), labels, valid

            yield from stream_batches(Batches(make, count), ["images", "labels", "valid"])

    def prepare(self, index: int) -> np.ndarray:
        """Image ``index`` as uint8 (S, S, 3)."""
        return self.view(self.source.load(index))


@dataclass(frozen=True)
class AugmentedLoader(EvalLoader):
    """The same, each image in the training view that it has in epoch ``epoch`` of a run.

    ``view`` is a ``TrainTransform``.
    """

    seed: int = 0
    epoch: int = 0

    def prepare(self, index: int) -> np.ndarray:
        """Image ``index`` as uint8 (S, S, 3)."""
        return self.view(self.source.load(index), sample_rng(self.seed, self.epoch, index))
