"""An order of an epoch in which images of a class come together."""

from __future__ import annotations

import numpy as np

from mindtune.data.randomness import Stream, stream_rng
from mindtune.errors import ConfigError


def class_balanced_order(seed: int, epoch: int, labels: np.ndarray, together: int) -> np.ndarray:
    """Images in runs of ``together`` of one class, runs and their images in a random order.

    Every image comes once; what classes have beyond whole runs, other images in every epoch, makes
    mixed runs among the others, and an incomplete one at the end. Random batches of B images from C
    classes hold B (B - 1) / C ordered pairs of one class, these about B (``together`` - 1).

    Raises:
        ConfigError: no class has so many images.
    """
    rng = stream_rng(seed, Stream.CLASS_ORDER, (epoch, 0, 0))
    runs, rest = [], []
    for label in range(int(labels.max()) + 1):
        images = rng.permutation(np.flatnonzero(labels == label))
        whole = len(images) // together
        runs.append(images[: whole * together].reshape(whole, together))
        rest.append(images[whole * together :])
    if max(len(run) for run in runs) == 0:
        raise ConfigError(
            f"self_distillation.images_a_class: got {together}, expected at most the images of a "
            "class; lower it"
        )
    mixed = rng.permutation(np.concatenate(rest))
    whole = len(mixed) // together * together
    runs.append(mixed[:whole].reshape(-1, together))
    order = rng.permutation(np.concatenate(runs), axis=0)  # (runs, together)
    return np.concatenate([order.reshape(-1), mixed[whole:]])
