"""SMKD's classifier protocol: cosine classifiers trained by SGD on the support of episodes."""

from __future__ import annotations

import numpy as np
from mindspore import Tensor, nn, ops

from mindtune.data.randomness import episode_training_rng
from mindtune.evaluation.episode_scoring import LinearClassifiers
from mindtune.evaluation.episodes import Episodes, FeatureBank

_SCALE = 2.0  # of the scores
_NORM_OFFSET = 1e-5  # added to the length of a feature before dividing by it
_DECOMPOSED_AT_ONCE = 100
State = tuple[Tensor, Tensor, Tensor, Tensor]


class SgdEpoch(nn.Cell):
    """One epoch of SGD on the classifiers of E episodes at once.

    The score of class n for an image x of length 1 is ``2 g_n <v_n, x> / |v_n|``; the loss is the
    mean cross-entropy of an episode's batch. The gradient is written out. Factors a class are rows
    (E, 1, N), and act on vectors as diagonal matrices: on CPU MindSpore's batched products are
    several times as fast as its transposes, and as its products and sums along the last axis.
    Momentum buffers are kept multiplied by the learning rate.

    Args:
        ways: N.
        batches: T.
        momentum: what a buffer keeps.
    """

    def __init__(self, ways: int, batches: int, momentum: float) -> None:
        super().__init__()
        self.batches = batches
        self.momentum = momentum
        self.eye = Tensor(np.eye(ways, dtype=np.float32)[None])  # (1, N, N)
        self.inner = ops.BatchMatMul(transpose_b=True)
        self.back = ops.BatchMatMul(transpose_a=True)
        self.product = ops.BatchMatMul()

    def construct(
        self,
        images: Tensor,
        targets: Tensor,
        shares: Tensor,
        decays: Tensor,
        v: Tensor,
        g: Tensor,
        v_buffer: Tensor,
        g_buffer: Tensor,
    ) -> State:
        """``v``, ``g`` and their momentum buffers after the epoch.

        Args:
            images: support of each episode in order, (E, T b, d), of length 1.
            targets: one-hot labels (E, T b, N).
            shares: weight of each image in the mean of its batch, times what of a gradient enters
                a buffer, (1, T b, 1).
            decays: weight decay times what of a gradient enters a buffer, (T, 1, 1).
            v: directions (E, N, d).
            g: lengths (E, 1, N).
            v_buffer: momentum of v.
            g_buffer: momentum of g.
        """
        batch = images.shape[1] // self.batches
        xs, ys = ops.split(images, batch, 1), ops.split(targets, batch, 1)
        weights, decay = ops.split(shares, batch, 1), ops.split(decays, 1)
        for t in range(self.batches):
            squares = ops.sum(self.inner(v, v) * self.eye, 1, True)  # (E, 1, N)
            inverse = ops.rsqrt(squares)
            scores = self.inner(xs[t], v) * (inverse * _SCALE)  # (E, b, N), before g
            error = (ops.softmax(scores * g, axis=-1) - ys[t]) * weights[t]
            g_gradient = ops.sum(error * scores, 1, True)  # (E, 1, N)
            towards = self.back(error * (inverse * g * _SCALE), xs[t])  # (E, N, d)
            shrinking = decay[t] - g_gradient * g / squares  # (E, 1, N)
            shrunk = self.product(shrinking * self.eye, v)
            v_buffer = v_buffer * self.momentum + towards + shrunk
            g_buffer = g_buffer * self.momentum + g_gradient + g * decay[t]
            v, g = v - v_buffer, g - g_buffer
        return v, g, v_buffer, g_buffer


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
        self.lr = lr
        self.momentum = momentum
        self.dampening = dampening
        self.weight_decay = weight_decay
        self._epochs: dict[tuple[int, int], SgdEpoch] = {}

    def __call__(self, bank: FeatureBank, episodes: Episodes, seed: int) -> LinearClassifiers:
        """Trained classifiers; the length of a query has no influence on which class wins."""
        count, ways, shots = episodes.support.shape
        supports = bank.features[episodes.support.reshape(count, -1)]  # (E, NK, D)
        lengths = np.linalg.norm(supports, axis=-1, keepdims=True)
        supports = supports / (lengths + _NORM_OFFSET)
        initial, orders = self._draw(episodes, seed, supports.shape[2])
        basis, coordinates = _span(np.concatenate([supports, initial], axis=1))
        points, start = np.split(coordinates, [ways * shots], axis=1)  # (E, NK, d), (E, N, d)
        targets = np.repeat(np.eye(ways, dtype=np.float32), shots, axis=0)  # (NK, N)
        trained = self._train(points, targets, start, orders)  # (E, N, d)
        return LinearClassifiers(trained @ basis, np.zeros((count, ways), np.float32))

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
        count, ways = start.shape[:2]
        size = points.shape[1]
        batches = -(-size // self.batch_size)
        filling = batches * self.batch_size - size
        run_epoch = self._epoch_of(ways, batches)
        lengths = np.linalg.norm(start, axis=-1)[:, None]  # (E, 1, N)
        zeros = np.zeros_like(start), np.zeros_like(lengths)
        # MindSpore compiles anew for every tuple that it is given: the state goes in one by one
        state: State = tuple(Tensor(a) for a in (start, lengths, *zeros))
        episode = np.arange(count)[:, None]
        schedule = self._schedule(size, batches, first=True)
        for epoch in range(self.epochs):
            order = np.pad(orders[:, epoch], ((0, 0), (0, filling)))  # (E, T b)
            images, wanted = Tensor(points[episode, order]), Tensor(targets[order])
            state = run_epoch(images, wanted, *schedule, *state)
            if epoch == 0:
                schedule = self._schedule(size, batches, first=False)
        v, g = state[0].asnumpy(), state[1].asnumpy()[:, 0, :, None]
        return _SCALE * g * v / np.linalg.norm(v, axis=-1, keepdims=True)

    def _epoch_of(self, ways: int, batches: int) -> SgdEpoch:
        """The compiled epoch, which is kept for further episodes of the same shape."""
        if (ways, batches) not in self._epochs:
            self._epochs[ways, batches] = SgdEpoch(ways, batches, self.momentum)
        return self._epochs[ways, batches]

    def _schedule(self, size: int, batches: int, first: bool) -> tuple[Tensor, Tensor]:
        """``shares`` and ``decays`` of an epoch; the very first gradient enters as a whole."""
        entering = np.full(batches, self.lr * (1 - self.dampening), np.float32)
        if first:
            entering[0] = self.lr
        shares = np.repeat(entering / self.batch_size, self.batch_size)
        rest = size - (batches - 1) * self.batch_size
        last = slice((batches - 1) * self.batch_size, None)
        shares[last] = np.where(np.arange(self.batch_size) < rest, entering[-1] / rest, 0)
        decays = self.weight_decay * entering
        return Tensor(shares.reshape(1, -1, 1)), Tensor(decays.reshape(-1, 1, 1))


def _span(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Orthonormal bases of what each episode's vectors span, and the vectors in them.

    Args:
        vectors: (E, m, D).

    Returns:
        Bases (E, d, D) with d = min(m, D), and coordinates (E, m, d).
    """
    count, size, width = vectors.shape
    dim = min(size, width)
    basis = np.empty((count, dim, width), np.float32)
    coordinates = np.empty((count, size, dim), np.float32)
    for first in range(0, count, _DECOMPOSED_AT_ONCE):  # NumPy's copies are float64
        part = slice(first, first + _DECOMPOSED_AT_ONCE)
        q, r = np.linalg.qr(vectors[part].transpose(0, 2, 1))  # (e, D, d), (e, d, m)
        basis[part], coordinates[part] = q.transpose(0, 2, 1), r.transpose(0, 2, 1)
    return basis, coordinates
