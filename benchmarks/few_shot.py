"""Few-shot episodes on a CPU: ours against a loop over episodes in PyTorch.

Features as of miniImageNet's test split (20 classes of 600 images, 768 channels; a random centre a
class and noise), 5-way 5-shot, the 595 other images of each class as queries. Contestants take
turns in one process, with the same number of threads (OMP_NUM_THREADS, one a core by default), and
must find the same accuracies on the same episodes before they are timed. Timed are whole episodes:
drawing, classifiers, accuracies.

* prototype: the class mean with the largest cosine. `loop` is the SMKD authors' way of working,
  written from its description: an image at a time is taken from a list of its class and squeezed,
  and all become one array; then cosines. `indexed loop` gathers by NumPy's indexing instead.
* classifier: the cosine classifier trained by SGD (301 epochs, batches of 4); `loop` builds module,
  optimiser and loss anew for each episode and calls them a batch at a time, as theirs does.

Last line: JSON of ratios, episodes/s of ours / of the other (medians); `_cpu` are those of episodes
a second of processor time (all threads), which other programs on the machine disturb less.
Needs the extra parity. Usage: python benchmarks/few_shot.py [--turns 5] [--tiny]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from mindtune.data.randomness import episode_training_rng
from mindtune.engine.device import use_device
from mindtune.evaluation.cosine_classifier import CosineClassifiers
from mindtune.evaluation.episode_classifiers import prototypes
from mindtune.evaluation.episode_scoring import episode_accuracies
from mindtune.evaluation.episodes import EpisodeShape, FeatureBank, draw_episodes
from mindtune.evaluation.few_shot import MakeClassifiers, evaluate_few_shot

WAY, SHOT, BATCH = 5, 5, 4
Bank = dict[int, list[np.ndarray]]


@dataclass(frozen=True)
class Sizes:
    classes: int = 20
    images: int = 600
    width: int = 768
    epochs: int = 301
    prototype_episodes: int = 1000  # of ours in a turn
    classifier_episodes: int = 1000
    loop_episodes: int = 20  # of the loops in a turn, by prototypes; one by classifiers


TINY = Sizes(6, 30, 40, 3, 20, 10, 4)


def draw_features(sizes: Sizes) -> np.ndarray:
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((sizes.classes, 1, sizes.width))
    noise = rng.standard_normal((sizes.classes, sizes.images, sizes.width))
    return (0.15 * centres + noise).astype(np.float32)


def taken_one_by_one(bank: Bank, chosen: list[int], orders: list[np.ndarray]) -> torch.Tensor:
    """All images of an episode, (N, n, D)."""
    lists = [[np.squeeze(bank[c][i]) for i in order.tolist()] for c, order in zip(chosen, orders)]
    return torch.from_numpy(np.array(lists))


def gathered(features: np.ndarray, chosen: list[int], orders: list[np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(features[np.array(chosen)[:, None], np.stack(orders)])


def drawn(sizes: Sizes) -> tuple[list[int], list[np.ndarray]]:
    chosen = random.sample(range(sizes.classes), WAY)
    return chosen, [np.random.permutation(sizes.images) for _ in chosen]


def percent_right(scores: torch.Tensor, queries: int) -> float:
    answers = scores.argmax(1).numpy()
    return float(100 * np.mean(answers == np.repeat(np.arange(WAY), queries)))


def prototype_accuracy(images: torch.Tensor) -> float:
    """Of an episode whose first SHOT images a class are support."""
    means = images[:, :SHOT].mean(1)  # (N, D)
    queries = images[:, SHOT:].reshape(-1, images.shape[2])  # (NQ, D)
    lengths = queries.norm(dim=1)[:, None] * means.norm(dim=1)[None]
    return percent_right(queries @ means.t() / lengths, images.shape[1] - SHOT)


class CosineClassifier(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        linear = nn.Linear(width, WAY, bias=False)
        self.linear = nn.utils.parametrizations.weight_norm(linear, dim=0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * self.linear(x / (x.norm(dim=1, keepdim=True) + 1e-5))


def classifier_accuracy(
    images: torch.Tensor, epochs: int, start: np.ndarray | None, orders: np.ndarray | None
) -> float:
    """Of a classifier trained on the support from ``start`` in ``orders``; None: drawn here."""
    width = images.shape[2]
    support, queries = images[:, :SHOT].reshape(-1, width), images[:, SHOT:].reshape(-1, width)
    labels = torch.arange(WAY).repeat_interleave(SHOT)
    model = CosineClassifier(width)
    if start is not None:
        model.linear.weight = torch.from_numpy(start)
    loss_of = nn.CrossEntropyLoss()
    optimiser = torch.optim.SGD(
        model.parameters(), lr=0.01, momentum=0.9, dampening=0.9, weight_decay=0.001
    )
    for epoch in range(epochs):
        order = np.random.permutation(len(support)) if orders is None else orders[epoch]
        for first in range(0, len(support), BATCH):
            optimiser.zero_grad()
            batch = torch.from_numpy(order[first : first + BATCH].astype(np.int64))
            loss_of(model(support[batch]), labels[batch]).backward()
            optimiser.step()
    with torch.no_grad():
        return percent_right(model(queries), images.shape[1] - SHOT)


def check(features: np.ndarray, bank: FeatureBank, sizes: Sizes) -> None:
    """The same accuracies on the same episodes, but for queries within rounding of a tie."""
    count = 2
    episodes = draw_episodes(bank, EpisodeShape(WAY, SHOT, None), 0, 0, count)
    trained = CosineClassifiers(sizes.epochs)
    found = {
        "prototype": episode_accuracies(bank, episodes, prototypes(bank, episodes, 0)),
        "classifier": episode_accuracies(bank, episodes, trained(bank, episodes, 0)),
    }
    for index in range(count):
        supports = episodes.support[index] - bank.starts[episodes.classes[index]][:, None]
        rest = [np.setdiff1d(np.arange(sizes.images), rows) for rows in supports]
        orders = [np.concatenate(pair) for pair in zip(supports, rest)]
        images = gathered(features, episodes.classes[index].tolist(), orders)
        rng = episode_training_rng(0, index)
        bound = sizes.width**-0.5
        start = rng.uniform(-bound, bound, (WAY, sizes.width)).astype(np.float32)
        unshuffled = np.tile(np.arange(WAY * SHOT, dtype=np.int16), (sizes.epochs, 1))
        expected = {
            "prototype": prototype_accuracy(images),
            "classifier": classifier_accuracy(
                images, sizes.epochs, start, rng.permuted(unshuffled, axis=1)
            ),
        }
        for name, value in expected.items():
            difference = abs(found[name][index] - value)
            if difference > 200 / (WAY * (sizes.images - SHOT)):
                raise SystemExit(f"{name}, episode {index}: ours and the loop's differ: {found}")
            print(f"episode {index}, {name}: {value:.2f} %, ours differs by {difference:.3f}")


def contestants_of(
    features: np.ndarray, bank: FeatureBank, sizes: Sizes
) -> dict[str, dict[str, Callable[[], int]]]:
    """Calls by task and name; each returns how many episodes it did."""
    lists = {c: list(rows) for c, rows in enumerate(features)}
    shape = EpisodeShape(WAY, SHOT, None)

    def ours(make: MakeClassifiers, episodes: int) -> int:
        evaluate_few_shot(bank, shape, make, episodes, 1)
        return episodes

    def loop(episodes: int, accuracy: Callable[[], float]) -> int:
        for _ in range(episodes):
            accuracy()
        return episodes

    def by_lists() -> torch.Tensor:
        return taken_one_by_one(lists, *drawn(sizes))

    def by_index() -> torch.Tensor:
        return gathered(features, *drawn(sizes))

    def trained_accuracy() -> float:
        return classifier_accuracy(by_lists(), sizes.epochs, None, None)

    trained, few = CosineClassifiers(sizes.epochs), sizes.loop_episodes
    return {
        "prototype": {
            "ours": lambda: ours(prototypes, sizes.prototype_episodes),
            "loop": lambda: loop(few, lambda: prototype_accuracy(by_lists())),
            "indexed loop": lambda: loop(few, lambda: prototype_accuracy(by_index())),
        },
        "classifier": {
            "ours": lambda: ours(trained, sizes.classifier_episodes),
            "loop": lambda: loop(1, trained_accuracy),
        },
    }


def race(calls: dict[str, Callable[[], int]], turns: int) -> dict[str, tuple[float, float]]:
    """Episodes a second, and a second of processor time (medians), of calls that take turns.

    The first turn is not counted.
    """
    rates: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    names = list(calls)
    for turn in range(turns + 1):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            started, busy = time.perf_counter(), time.process_time()
            episodes = calls[name]()
            seconds, busy = time.perf_counter() - started, time.process_time() - busy
            rates[name].append((episodes / seconds, episodes / busy))
    columns = {name: zip(*values[1:]) for name, values in rates.items()}
    return {name: tuple(map(statistics.median, pair)) for name, pair in columns.items()}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--turns", type=int, default=5, help="turns of each contestant")
    parser.add_argument("--tiny", action="store_true", help="tiny sizes: a test of this script")
    chosen = parser.parse_args()
    if chosen.turns < 1:
        parser.error("--turns: expected at least 1")
    return chosen


def main() -> None:
    chosen = arguments()
    sizes = TINY if chosen.tiny else Sizes()
    threads = int(os.environ.get("OMP_NUM_THREADS", 0)) or len(os.sched_getaffinity(0))
    torch.set_num_threads(threads)
    use_device("CPU", 0)
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(f"{platform.machine()}, {threads} threads, load {load}; torch {torch.__version__}")
    features = draw_features(sizes)
    labels = np.repeat(np.arange(sizes.classes), sizes.images)
    bank = FeatureBank(features.reshape(-1, sizes.width), labels, sizes.classes)
    check(features, bank, sizes)
    ratios = {}
    for task, calls in contestants_of(features, bank, sizes).items():
        rates = race(calls, chosen.turns)
        for name, (rate, cpu_rate) in rates.items():
            print(f"{task:12}{name:14}{rate:10.3f} episodes/s{cpu_rate:10.3f} by processor time")
            if name != "ours":
                key = f"{task}_episodes_vs_{name.replace(' ', '_')}"
                ratios[key] = rates["ours"][0] / rate
                ratios[f"{key}_cpu"] = rates["ours"][1] / cpu_rate
    print(json.dumps({key: round(ratio, 2) for key, ratio in ratios.items()}))


if __name__ == "__main__":
    main()
