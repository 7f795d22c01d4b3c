"""An order of an epoch in which images of a class come together."""

from __future__ import annotations

import numpy as np

from mindtune.data.randomness import Stream, stream_rng
from mindtune.errors import ConfigError


def class_balanced_order(seed: int, epoch: int, labels: np.ndarray, together: int) -> np.ndarray:
    """Images in runs of ``together`` of one class, runs and their images in a random order.

    Each image comes at most once; what a class has beyond whole runs is left out, other images in
    every epoch. Random batches of B images from C classes hold B (B - 1) / C ordered pairs of one
    class, these at least B (``together`` - 1).

    Raises:
        ConfigError: no class has so many images.
    """
    rng = stream_rng(seed, Stream.CLASS_ORDER, (epoch, 0, 0))
    runs = []
    for label in range(int(labels.max()) + 1):
        images = rng.permutation(np.flatnonzero(labels == label))
        whole = len(images) // together
        runs.append(images[: whole * together].reshape(whole, together))
    order = np.concatenate(runs)
    if len(order) == 0:
        raise ConfigError(
            f"self_distillation.images_a_class: got {together}, expected at most the images of a "
            "class; lower it"
        )
    return rng.permutation(order, axis=0).reshape(-1)
