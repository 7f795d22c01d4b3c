from __future__ import annotations

import threading
from collections import defaultdict

import numpy as np
import pytest

from mindtune.engine.distributed.world import World
from mindtune.errors import ConfigError, DataError
from mindtune.evaluation import knn
from mindtune.evaluation.features import LabelledFeatures
from mindtune.evaluation.knn import evaluate_knn

# By the released code of the block-expansion paper (DINO's) on the features of `golden_features`.
GOLDEN = {1: (15.0, 15.0), 5: (16.5, 49.0), 10: (18.5, 62.0), 20: (19.5, 78.0), 100: (10.5, 61.5)}
Split = LabelledFeatures


def golden_features() -> tuple[Split, Split]:
    def waves(images: int, a: float, b: float) -> np.ndarray:
        n = np.arange(images * 8, dtype=np.float64)
        return np.sin(a * n**1.01 + b).astype(np.float32).reshape(images, 8)

    bank, queries = waves(300, 1.7, 0.1), waves(200, 2.3, 0.4)
    first = queries[:, 0] / np.linalg.norm(queries, axis=1)
    labels = np.clip(np.trunc(5 * first + 5), 0, 9).astype(np.int32)
    return Split(bank, np.arange(300, dtype=np.int32) % 10), Split(queries, labels)


def drawn_features(bank: int, queries: int, classes: int) -> tuple[Split, Split]:
    rng = np.random.default_rng(1)
    centres = rng.standard_normal((classes, 6))

    def draw(images: int) -> Split:
        labels = rng.integers(0, classes, images).astype(np.int32)
        values = centres[labels] + rng.standard_normal((images, 6))
        return Split((values * rng.uniform(0.1, 9, (images, 1))).astype(np.float32), labels)

    return draw(bank), draw(queries)


def accuracy_by_hand(
    bank: Split, queries: Split, num_classes: int, k: int, temperature: float
) -> dict[str, float]:
    """One query after the other, votes counted in a dictionary."""
    hits = [0, 0]
    for query, label in zip(queries.values.astype(float), queries.labels):
        similar = [
            (float(query @ row / np.linalg.norm(query) / np.linalg.norm(row)), -number)
            for number, row in enumerate(bank.values.astype(float))
        ]
        votes: dict[int, float] = defaultdict(float)
        for similarity, number in sorted(similar, reverse=True)[:k]:
            votes[int(bank.labels[-number])] += np.exp(similarity / temperature)
        order = sorted(range(num_classes), key=lambda c: (-votes[c], c))
        hits[0] += order[0] == label
        hits[1] += label in order[: min(5, k)]
    top1, top5 = (100 * hit / len(queries.labels) for hit in hits)
    return {"top1": pytest.approx(top1), "top5": pytest.approx(top5)}


def judge(bank: Split, queries: Split, classes: int, ks: list[int], temperature: float = 0.07):
    """All in one process, the bank in one part."""
    return evaluate_knn([bank.values], bank.labels, queries, classes, ks, temperature, World())


def test_golden_accuracies():
    found = judge(*golden_features(), 10, list(GOLDEN))
    for k, (top1, top5) in GOLDEN.items():
        assert found[k] == {"top1": pytest.approx(top1), "top5": pytest.approx(top5)}, k


@pytest.mark.parametrize(("classes", "temperature"), [(2, 0.07), (7, 0.02), (12, 1.0)])
def test_votes_counted_by_hand(classes, temperature):
    bank, queries = drawn_features(60, 40, classes)
    ks = [60, 1, 3, 13]
    found = judge(bank, queries, classes, ks, temperature)
    assert list(found) == ks
    for k in ks:
        assert found[k] == accuracy_by_hand(bank, queries, classes, k, temperature), k


@pytest.mark.parametrize("cuts", [[], [100], [1, 2, 40, 40, 299]])
def test_large_sets_pass_in_blocks(cuts, monkeypatch):
    bank, queries = golden_features()
    expected = judge(bank, queries, 10, [5, 20])
    monkeypatch.setattr(knn, "_ROWS_AT_ONCE", 64)
    monkeypatch.setattr(knn, "_QUERIES_AT_ONCE", 33)
    parts = iter(np.split(bank.values, cuts))
    assert evaluate_knn(parts, bank.labels, queries, 10, [5, 20], 0.07, World()) == expected


def test_labels_of_other_images_are_an_error():
    bank, queries = golden_features()
    with pytest.raises(ValueError, match="got 299 features for 300 labels"):
        judge(Split(bank.values[1:], bank.labels), queries, 10, [5])


class Threads:
    """Ranks that are threads: what each has passed to ``gather`` is handed to all."""

    def __init__(self, size: int) -> None:
        self.passed: list = [None] * size
        self.barrier = threading.Barrier(size)

    def gather(self, rank: int, values: np.ndarray) -> list[np.ndarray]:
        self.passed[rank] = values
        self.barrier.wait(60)
        gathered = list(self.passed)
        self.barrier.wait(60)
        return gathered


class OneOf:
    def __init__(self, threads: Threads, rank: int, size: int) -> None:
        self.threads, self.rank, self.size = threads, rank, size

    def gather(self, values: np.ndarray) -> list[np.ndarray]:
        return self.threads.gather(self.rank, values)


@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("images", [(61, 40), (7, 2)], ids=["more", "fewer than k a rank"])
def test_shares_of_ranks_give_what_one_rank_gives(size, images, monkeypatch):
    monkeypatch.setattr(knn, "_QUERIES_AT_ONCE", 6)
    bank, queries = drawn_features(*images, 5)
    expected = judge(bank, queries, 5, [1, 6])
    threads, found = Threads(size), {}

    def run(rank: int) -> None:
        found[rank] = evaluate_knn(
            [bank.values[rank::size]],
            bank.labels,
            Split(queries.values[rank::size], queries.labels),
            5,
            [1, 6],
            0.07,
            OneOf(threads, rank, size),
        )

    workers = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert found == dict.fromkeys(range(size), expected)


@pytest.mark.parametrize(
    ("images", "classes", "k", "error", "message"),
    [
        ((10, 4), 3, 11, ConfigError, r"knn\.k: got 11 neighbours, expected at most the 10 images"),
        ((10, 4), 1, 2, DataError, "got 1 class"),
        ((10, 0), 3, 2, DataError, "got no images to classify"),
    ],
)
def test_what_tells_no_accuracy_is_refused(images, classes, k, error, message):
    with pytest.raises(error, match=message):
        judge(*drawn_features(*images, classes), classes, [1, k])
