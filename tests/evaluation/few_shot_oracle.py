"""Few-shot evaluation one episode and one image at a time, in float64."""

from __future__ import annotations

import random

import numpy as np

from mindtune.data.randomness import episode_training_rng
from mindtune.evaluation.episodes import Episodes, FeatureBank


def golden_episodes(features: np.ndarray, way: int, shot: int, count: int) -> Episodes:
    """The episodes that the authors' code draws from these features (C, n, D) after seed 0."""
    random.seed(0)
    state = np.random.RandomState(0)
    images = features.shape[1]
    classes, support = [], []
    for _ in range(count):
        chosen = random.sample(range(len(features)), way)
        classes.append(chosen)
        support.append([c * images + state.permutation(images)[:shot] for c in chosen])
    return Episodes(0, np.array(classes), np.array(support), None)


def accuracy(bank: FeatureBank, episodes: Episodes, index: int, weights, biases) -> float:
    """Percent of the queries of one episode whose own class has the largest score."""
    answers = []
    for slot, label in enumerate(episodes.classes[index]):
        rows = range(bank.starts[label], bank.starts[label] + bank.sizes[label])
        queries = set(rows) - set(episodes.support[index, slot].tolist())
        if episodes.query is not None:
            queries = set(episodes.query[index, slot].tolist())
        for row in queries:
            scores = weights @ bank.features[row].astype(np.float64) + biases
            answers.append(int(np.argmax(scores)) == slot)
    return 100 * float(np.mean(answers))


def sgd_cosine(
    bank: FeatureBank, episodes: Episodes, index: int, seed: int, epochs: int
) -> np.ndarray:
    """Weights (N, D) of SMKD's classifier, trained in the space of the features."""
    ways, shots = episodes.support.shape[1:]
    images = bank.features[episodes.support[index].reshape(-1)].astype(np.float64)
    images /= np.linalg.norm(images, axis=1, keepdims=True) + 1e-5
    labels, width = np.repeat(np.arange(ways), shots), images.shape[1]
    rng = episode_training_rng(seed, episodes.first + index)
    v = rng.uniform(-(width**-0.5), width**-0.5, (ways, width)).astype(np.float32).astype(float)
    size = ways * shots
    orders = rng.permuted(np.tile(np.arange(size, dtype=np.int16), (epochs, 1)), axis=1)
    values = [v, np.linalg.norm(v, axis=1)]
    buffers: list = [None, None]
    for order in orders:
        for first in range(0, size, 4):
            batch = order[first : first + 4]
            gradients = _gradients(*values, images[batch], labels[batch])
            for i, gradient in enumerate(gradients):
                gradient = gradient + 0.001 * values[i]
                buffers[i] = gradient if buffers[i] is None else 0.9 * buffers[i] + 0.1 * gradient
                values[i] = values[i] - 0.01 * buffers[i]
    v, g = values
    return 2 * g[:, None] * v / np.linalg.norm(v, axis=1, keepdims=True)


def _gradients(v, g, images, labels) -> tuple[np.ndarray, np.ndarray]:
    """Of the mean cross-entropy of scores 2 g <v, x> / |v|, by the rule for each image alone."""
    dv, dg = np.zeros_like(v), np.zeros_like(g)
    lengths = np.linalg.norm(v, axis=1)
    for x, label in zip(images, labels):
        cosines = v @ x / lengths
        odds = np.exp(2 * g * cosines)
        for n, share in enumerate(odds / odds.sum()):
            error = (share - (n == label)) / len(images)
            dg[n] += error * 2 * cosines[n]
            dv[n] += error * 2 * g[n] * (x / lengths[n] - cosines[n] * v[n] / lengths[n] ** 2)
    return dv, dg
