"""mindspore.dataset pipelines whose every sample is a function of (seed, epoch, index)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import mindspore.dataset as ds
import numpy as np

from mindtune.data.erasing import RandomErasing
from mindtune.data.mixing import Mixing
from mindtune.data.normalise import normalise
from mindtune.data.randomness import batch_rng, epoch_order, sample_rng
from mindtune.data.source import ImageSource
from mindtune.data.transforms import EvalTransform
from mindtune.errors import ConfigError, DataError
from mindtune.preprocessing import Preprocessing

TrainView = Callable[..., np.ndarray]


class _Rows:
    """Random-access rows for GeneratorDataset; remembers the fault that stopped it.

    mindspore.dataset turns an exception of a worker into a RuntimeError with a C++ trace; the
    loader raises the remembered one instead.
    """

    def __init__(self, row: Callable[[int], tuple], count: int) -> None:
        self.row = row
        self.count = count
        self.fault: DataError | None = None

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, position: int) -> tuple:
        try:
            return self.row(int(position))
        except DataError as error:
            self.fault = error
            raise


def _stream(
    rows: _Rows,
    columns: list[str],
    batch_size: int,
    collate: Callable,
    collated: list[str],
    workers: int,
) -> Iterator[tuple[np.ndarray, ...]]:
    """Batches of ``rows`` in order, decoded by ``workers`` threads ahead of the consumer.

    mindspore.dataset refuses more threads than the machine has cores, so no more are asked for.
    """
    threads = min(workers, os.cpu_count() or 1)
    pipeline = ds.GeneratorDataset(
        rows, columns, shuffle=False, num_parallel_workers=threads, python_multiprocessing=False
    )
    pipeline = pipeline.batch(
        batch_size, per_batch_map=collate, input_columns=columns, output_columns=collated
    )
    try:
        yield from pipeline.create_tuple_iterator(num_epochs=1, output_numpy=True)
    except RuntimeError as error:
        if rows.fault is not None:
            raise rows.fault from error
        raise


@dataclass(frozen=True)
class TrainLoader:
    """Batches (images float32 (B, 3, S, S), soft targets float32 (B, K)) of a training epoch.

    The order of epoch e is a permutation drawn from (seed, e); global batch b holds its images
    ``b * G ... (b + 1) * G - 1`` with G = batch_size * world_size, of which rank r takes the r-th
    part. What is left over is dropped, since mixing and compiled graphs need full batches.

    Raises:
        ConfigError: fewer images than one global batch.
    """

    source: ImageSource
    view: TrainView
    mixing: Mixing
    erasing: RandomErasing
    preprocessing: Preprocessing
    batch_size: int
    seed: int
    workers: int = 2
    rank: int = 0
    world_size: int = 1

    def __post_init__(self) -> None:
        if self.num_batches < 1:
            raise ConfigError(
                f"batch_size: got {self.batch_size} x {self.world_size} device(s), expected at "
                f"most the {len(self.source)} training images; lower --batch_size"
            )

    @property
    def num_batches(self) -> int:
        """Full global batches in an epoch."""
        return len(self.source) // (self.batch_size * self.world_size)

    def epoch(self, epoch: int, first_batch: int = 0) -> Iterator[tuple[np.ndarray, ...]]:
        """Batches ``first_batch ...`` of epoch ``epoch`` for this rank."""
        indices = self._indices(epoch)[first_batch:]

        def row(position: int) -> tuple:
            index = int(indices.flat[position])
            rng = sample_rng(self.seed, epoch, index)
            return self.view(self.source.load(index), rng), self.source.labels[index]

        def collate(images: list, labels: list, info: ds.BatchInfo) -> tuple:
            batch = first_batch + info.get_batch_num()
            rng = batch_rng(self.seed, epoch, batch, self.rank)
            return self._collate(np.stack(images), np.stack(labels), rng)

        rows = _Rows(row, indices.size)
        columns = ["image", "label"]
        yield from _stream(
            rows, columns, self.batch_size, collate, ["images", "targets"], self.workers
        )

    def _indices(self, epoch: int) -> np.ndarray:
        """Image indices of this rank in epoch ``epoch``, (num_batches, batch_size)."""
        used = self.num_batches * self.batch_size * self.world_size
        order = epoch_order(self.seed, epoch, len(self.source))[:used]
        shape = (self.num_batches, self.world_size, self.batch_size)
        return np.ascontiguousarray(order.reshape(shape)[:, self.rank])

    def _collate(
        self, images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
    ) -> tuple[list, list]:
        mixed, targets = self.mixing(images, labels.reshape(-1), rng)
        pixels = normalise(mixed, self.preprocessing.mean, self.preprocessing.std)
        return list(self.erasing(pixels, rng)), list(targets)


@dataclass(frozen=True)
class EvalLoader:
    """Batches (images float32 (B, 3, S, S), labels int32 (B,), valid bool (B,)) in order.

    Every image comes exactly once over all ranks. The last batch is filled up to B with copies
    that ``valid`` marks False, so that one compiled graph serves all batches.
    """

    source: ImageSource
    view: EvalTransform
    preprocessing: Preprocessing
    batch_size: int
    workers: int = 2
    rank: int = 0
    world_size: int = 1

    def __iter__(self) -> Iterator[tuple[np.ndarray, ...]]:
        mine = np.arange(len(self.source))[self.rank :: self.world_size]
        count = -(-len(mine) // self.batch_size) * self.batch_size

        def row(position: int) -> tuple:
            index = int(mine[min(position, len(mine) - 1)])
            image = self.view(self.source.load(index))
            return image, self.source.labels[index], position < len(mine)

        def collate(images: list, labels: list, valid: list, info: ds.BatchInfo) -> tuple:
            pixels = normalise(np.stack(images), self.preprocessing.mean, self.preprocessing.std)
            return list(pixels), list(labels), list(valid)

        columns = ["image", "label", "valid"]
        yield from _stream(
            _Rows(row, count), columns, self.batch_size, collate, columns, self.workers
        )
