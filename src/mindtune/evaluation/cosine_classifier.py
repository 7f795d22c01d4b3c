"""SMKD's classifier protocol: cosine classifiers trained by SGD on the support of episodes."""

from __future__ import annotations

import numpy as np
from mindspore import Tensor, nn, ops

from mindtune.data.randomness import episode_training_rng
from mindtune.evaluation.episode_scoring import LinearClassifiers
from mindtune.evaluation.episodes import Episodes, FeatureBank

_SCALE = 2.0  # of the scores
_NORM_OFFSET = 1e-5  # added to the length of a feature before dividing by it
State = tuple[Tensor, Tensor, Tensor, Tensor]


class SgdStep(nn.Cell):
    """One SGD update of the classifiers of E episodes at once.

    The score of class n for an image x of length 1 is ``2 g_n <v_n, x> / |v_n|``; the loss is the
    mean cross-entropy of an episode's batch. The gradient is written out: one product for the
    scores and one back.

    Args:
        lr: learning rate.
        weight_decay: of g and v.
    """

    def __init__(self, lr: float, weight_decay: float) -> None:
        super().__init__()
        self.lr = lr
        self.weight_decay = weight_decay
        self.cosines = ops.BatchMatMul(transpose_b=True)
        self.back = ops.BatchMatMul(transpose_a=True)

    def construct(
        self,
        images: Tensor,
        targets: Tensor,
        share: Tensor,
        old: Tensor,
        new: Tensor,
        v: Tensor,
        g: Tensor,
        v_buffer: Tensor,
        g_buffer: Tensor,
    ) -> State:
        """``v``, ``g`` and their momentum buffers after the update.

        Args:
            images: support of each episode, (E, b, d), of length 1.
            targets: one-hot labels (E, b, N).
            share: weight of each image in the mean, (1, b, 1); 0 where the batch is filled up.
            old: what the momentum buffers keep.
            new: what of the gradient enters them.
            v: directions (E, N, d).
            g: lengths (E, N, 1).
            v_buffer: momentum of v.
            g_buffer: momentum of g.
        """
        inverse = ops.rsqrt(ops.sum(v * v, 2, True))  # (E, N, 1)
        direction = v * inverse
        scores = self.cosines(images, direction) * _SCALE  # (E, b, N), before g
        logits = scores * ops.transpose(g, (0, 2, 1))
        error = (ops.softmax(logits, axis=-1) - targets) * share
        g_gradient = ops.transpose(ops.sum(error * scores, 1, True), (0, 2, 1))  # (E, N, 1)
        towards = self.back(error, images) * _SCALE  # (E, N, d)
        v_gradient = (towards - g_gradient * direction) * (g * inverse)
        v_buffer = v_buffer * old + (v_gradient + v * self.weight_decay) * new
        g_buffer = g_buffer * old + (g_gradient + g * self.weight_decay) * new
        return v - v_buffer * self.lr, g - g_buffer * self.lr, v_buffer, g_buffer


class CosineClassifiers:
    """Makes the classifiers of many episodes by training them side by side.

    The authors' released code trains one episode after another in the space of the features. Here
    all episodes take each step together, in the space that an episode's support images and initial
    weights span: every vector of the training lies in it, and the steps know vectors by their inner
    products alone, so that the numbers are the same with 30 of 768 dimensions (5-way 5-shot).

    The defaults are the authors'. Their model of epoch 300 is the one after 301 epochs. Initial
    weights and batches come from (seed, episode), theirs from the state of two libraries.

    Args:
        epochs: passes over the support.
        batch_size: support images an update; the last batch of an epoch is smaller.
        lr: learning rate.
        momentum: what a momentum buffer keeps; the first step starts it with the whole gradient.
        dampening: what of later gradients does not enter it.
        weight_decay: of directions and lengths.
    """

    def __init__(
        self,
        epochs: int = 301,
        batch_size: int = 4,
        lr: float = 0.01,
        momentum: float = 0.9,
        dampening: float = 0.9,
        weight_decay: float = 0.001,
    ) -> None:
        self.epochs = epochs
        self.batch_size = batch_size
        self.momentum = momentum
        self.dampening = dampening
        self.step = SgdStep(lr, weight_decay)

    def __call__(self, bank: FeatureBank, episodes: Episodes, seed: int) -> LinearClassifiers:
        """Trained classifiers; the length of a query has no influence on which class wins."""
        count, ways, shots = episodes.support.shape
        supports = bank.features[episodes.support.reshape(count, -1)]  # (E, NK, D)
        lengths = np.linalg.norm(supports, axis=-1, keepdims=True)
        supports = supports / (lengths + _NORM_OFFSET)
        initial, orders = self._draw(episodes, seed, supports.shape[2])
        vectors = np.concatenate([supports, initial], axis=1)  # (E, NK + N, D)
        basis, coordinates = np.linalg.qr(vectors.transpose(0, 2, 1))  # (E, D, d), (E, d, NK + N)
        coordinates = coordinates.transpose(0, 2, 1)
        points, start = np.split(coordinates, [ways * shots], axis=1)
        targets = np.repeat(np.eye(ways, dtype=np.float32), shots, axis=0)  # (NK, N)
        trained = self._train(points, targets, start, orders)  # (E, N, d)
        weights = trained @ basis.transpose(0, 2, 1)  # (E, N, D)
        return LinearClassifiers(weights, np.zeros((count, ways), np.float32))

    def _draw(self, episodes: Episodes, seed: int, width: int) -> tuple[np.ndarray, np.ndarray]:
        """Initial weights (E, N, D) as a linear layer's; orders of the support (E, epochs, NK)."""
        count, ways, shots = episodes.support.shape
        bound = width**-0.5
        initial = np.empty((count, ways, width), np.float32)
        orders = np.empty((count, self.epochs, ways * shots), np.int16)
        unshuffled = np.tile(np.arange(ways * shots, dtype=np.int16), (self.epochs, 1))
        for index in range(count):
            rng = episode_training_rng(seed, episodes.first + index)
            initial[index] = rng.uniform(-bound, bound, (ways, width))
            orders[index] = rng.permuted(unshuffled, axis=1)
        return initial, orders

    def _train(
        self, points: np.ndarray, targets: np.ndarray, start: np.ndarray, orders: np.ndarray
    ) -> np.ndarray:
        """What the queries' features are multiplied with, in coordinates, (E, N, d)."""
        count, size = points.shape[:2]
        episode = np.arange(count)[:, None]
        lengths = np.linalg.norm(start, axis=-1, keepdims=True)
        zeros = np.zeros_like(start), np.zeros_like(lengths)
        # MindSpore compiles anew for every tuple that it is given: the state goes in one by one
        state: State = tuple(Tensor(a) for a in (start, lengths, *zeros))
        old, new = Tensor(np.float32(0)), Tensor(np.float32(1))
        for epoch in range(self.epochs):
            for first in range(0, size, self.batch_size):
                chosen = orders[:, epoch, first : first + self.batch_size]  # (E, b)
                share = np.zeros((1, self.batch_size, 1), np.float32)
                share[:, : chosen.shape[1]] = 1 / chosen.shape[1]
                chosen = np.pad(chosen, ((0, 0), (0, self.batch_size - chosen.shape[1])))
                batch = points[episode, chosen], targets[chosen], share
                state = self.step(*map(Tensor, batch), old, new, *state)
                old = Tensor(np.float32(self.momentum))
                new = Tensor(np.float32(1 - self.dampening))
        v, g = state[0].asnumpy(), state[1].asnumpy()
        return _SCALE * g * v / np.linalg.norm(v, axis=-1, keepdims=True)
