"""Images a second of the training loader against mindspore.dataset with one image a row.

Both prepare the same images (scikit-learn's digits, random crop to 32 x 32) with the same
transform, in turn; medians of several epochs. Last line: JSON of ratios, ours / theirs.
Usage: python benchmarks/loader.py [ROUNDS]
"""

from __future__ import annotations

import json
import statistics
import sys
import time

import mindspore.dataset as ds
import numpy as np

from mindtune.data.datasets import create_dataset
from mindtune.data.erasing import RandomErasing
from mindtune.data.loader import TrainLoader
from mindtune.data.mixing import Mixing
from mindtune.data.normalise import normalise
from mindtune.data.randomness import sample_rng
from mindtune.data.transforms import TrainTransform
from mindtune.preprocessing import Preprocessing

BATCH = 128
PREPARED = Preprocessing(32)
SOURCE = create_dataset("digits", None, "train")
VIEW = TrainTransform(PREPARED)


def ours(epoch: int, threads: int) -> int:
    mixing = Mixing(10, mixup_alpha=0, cutmix_alpha=0)
    loader = TrainLoader(
        SOURCE, VIEW, mixing, RandomErasing(0.0), PREPARED, BATCH, seed=1, workers=threads
    )
    return sum(len(images) for images, _ in loader.epoch(epoch))


class Rows:
    """One prepared image a row, as mindspore.dataset is usually fed."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return len(SOURCE) // BATCH * BATCH

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.int32]:
        image = VIEW(SOURCE.load(int(index)), sample_rng(1, self.epoch, int(index)))
        return image, SOURCE.labels[index]


def row_by_row(epoch: int, threads: int) -> int:
    def collate(images: list, labels: list, info: ds.BatchInfo) -> tuple[list, list]:
        return list(normalise(np.stack(images), PREPARED.mean, PREPARED.std)), labels

    pipeline = ds.GeneratorDataset(
        Rows(epoch), ["image", "label"], shuffle=False, num_parallel_workers=threads,
        python_multiprocessing=False,
    ).batch(BATCH, per_batch_map=collate, input_columns=["image", "label"])  # fmt: skip
    batches = pipeline.create_tuple_iterator(num_epochs=1, output_numpy=True)
    return sum(len(images) for images, _ in batches)


def main(rounds: int) -> None:
    contenders = {
        f"{name}_{threads}": (loader, threads)
        for name, loader in (("ours", ours), ("rows", row_by_row))
        for threads in (1, 2)
    }
    speeds: dict[str, list[float]] = {name: [] for name in contenders}
    for epoch in range(rounds):
        for name, (loader, threads) in contenders.items():
            started = time.perf_counter()
            images = loader(epoch, threads)
            speeds[name].append(images / (time.perf_counter() - started))
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    for name, speed in medians.items():
        print(f"{name}: {speed:.0f} images/s (median of {rounds})")
    ratios = {
        "ours_1_vs_rows_1": medians["ours_1"] / medians["rows_1"],
        "ours_2_vs_rows_2": medians["ours_2"] / medians["rows_2"],
        "rows_1_vs_rows_2": medians["rows_1"] / medians["rows_2"],
    }
    print(json.dumps({name: round(ratio, 2) for name, ratio in ratios.items()}))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
