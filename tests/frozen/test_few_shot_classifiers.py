"""Classifiers of a few images against derivations in NumPy, on features with a known answer."""

from __future__ import annotations

import numpy as np
import pytest

from mindtune.config import AmuConfig, FewShotClipConfig
from mindtune.frozen.few_shot_classifiers import FewShotTask, compare, train_keys

CLASSES, SHOTS = 4, 3


def features(rng: np.random.Generator, labels: np.ndarray, width: int, noise: float) -> np.ndarray:
    centres = np.random.default_rng(width).standard_normal((CLASSES, width))
    return (centres[labels] + noise * rng.standard_normal((len(labels), width))).astype(np.float32)


def task(search: bool = True, clip_noise: float = 3.0, **options) -> FewShotTask:
    """A CLIP with noisy features and texts, an auxiliary network with clear features."""
    rng = np.random.default_rng(1)
    labels = {
        "train": np.repeat(np.arange(CLASSES), SHOTS),
        "val": np.repeat(np.arange(CLASSES), 3),
        "test": np.repeat(np.arange(CLASSES), 50),
    }
    pairs = [(6, clip_noise), (8, 0.5)]
    sets = {
        name: [features(rng, rows, width, noise) for width, noise in pairs]
        for name, rows in labels.items()
    }
    views = [[rows, rows + 0.01] for rows in sets["train"]]
    texts = np.random.default_rng(6).standard_normal((CLASSES, 6)).T
    texts += 0.5 * rng.standard_normal((6, CLASSES))
    texts = (texts / np.linalg.norm(texts, axis=0)).astype(np.float32)
    amu = AmuConfig(confidence="none", cache_views=2)
    chosen = FewShotClipConfig(search=search, **options)
    chosen.training.epochs = chosen.tip_adapter.training.epochs = 6
    return FewShotTask(
        texts, views, sets["train"], sets["val"], sets["test"], labels, 0, amu, chosen
    )


@pytest.fixture(scope="module")
def found():
    return compare(task(largest_alpha=60.0))


def test_what_the_auxiliary_network_sees_helps(found):
    assert list(found) == FewShotClipConfig().methods
    assert found["zero_shot"].test < 50
    assert found["auxiliary"].test > 95
    assert found["amu"].test > 90
    assert 3 <= dict(found["amu"].chosen)["alpha"] <= 60
    assert found["amu"].val >= found["zero_shot"].val
    assert [name for name, _ in found["amu"].chosen] == ["alpha", "power"]
    assert [name for name, _ in found["linear_probe"].chosen] == ["C"]


def test_zero_shot_is_the_nearest_text(found):
    one = task()
    rows = one.test[0] / np.linalg.norm(one.test[0], axis=1, keepdims=True)
    right = (rows @ one.texts).argmax(1) == one.labels["test"]
    assert found["zero_shot"].test == pytest.approx(100 * right.mean())


def test_without_a_search_the_given_numbers_are_used():
    one = task(search=False, methods=["amu", "tip_adapter"])
    one.options.training.lr = 0.0
    scores = compare(one)
    assert scores["amu"].chosen == (("alpha", 0.5), ("power", 0.4))
    assert scores["tip_adapter"].chosen == (("alpha", 1.0), ("beta", 5.5))

    def unit(rows):
        return rows / np.linalg.norm(rows, axis=-1, keepdims=True)

    means = unit(one.train[1] + 0.0).reshape(CLASSES, SHOTS, -1).mean(1)  # start_views 1
    auxiliary = unit(one.test[1]) @ means.T
    auxiliary = (auxiliary - auxiliary.mean(1, keepdims=True)) / auxiliary.std(
        1, ddof=1, keepdims=True
    )
    zero_shot = 100 * unit(one.test[0]) @ one.texts
    right = (zero_shot + 0.5 * auxiliary).argmax(1) == one.labels["test"]
    assert scores["amu"].test == pytest.approx(100 * right.mean())

    affinity = unit(one.test[0]) @ unit(one.train[0] + 0.005).T
    cache = np.exp(5.5 * (affinity - 1)) @ np.eye(CLASSES)[one.labels["train"]]
    right = (zero_shot + cache).argmax(1) == one.labels["test"]
    assert scores["tip_adapter"].test == pytest.approx(100 * right.mean())


def test_the_keys_of_tip_adapter_f_learn():
    one = task(clip_noise=1.0)
    before = one.mean_views()[0]
    before = before / np.linalg.norm(before, axis=1, keepdims=True)
    after = train_keys(one)
    assert after.shape == before.shape
    assert 1e-4 < np.abs(after - before).max() < 0.1
