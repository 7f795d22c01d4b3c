"""The loss around trained weights, along two random directions."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from mindspore import Parameter, Tensor


def random_direction(parameters: Sequence[Parameter], rng: np.random.Generator) -> list[np.ndarray]:
    """A normal direction, each of its rows as long as the row of the weights that it moves.

    A row belongs to one output of a layer. Vectors (biases, norms) stay where they are. Li et al.,
    "Visualizing the loss landscape of neural nets", NeurIPS 2018, section 4.
    """
    direction = []
    for parameter in parameters:
        if parameter.ndim <= 1:
            direction.append(np.zeros(parameter.shape, np.float32))
            continue
        weights = parameter.asnumpy().reshape(parameter.shape[0], -1)
        noise = rng.standard_normal(weights.shape)
        scale = np.linalg.norm(weights, axis=1) / np.linalg.norm(noise, axis=1)
        direction.append((noise * scale[:, None]).reshape(parameter.shape).astype(np.float32))
    return direction


def loss_landscape(
    loss: Callable[[], float],
    parameters: Sequence[Parameter],
    steps: int,
    radius: float,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Losses at ``w + a d1 + b d2``, a and b running from -radius to radius.

    Args:
        loss: of the present weights.
        parameters: w; as they were afterwards.
        steps: values of a, and of b.
        radius: 1 moves every row of weights by its own length.
        seed: of the directions d1 and d2.

    Returns:
        The values of a and b, float64 (steps,), and the losses, float64 (steps, steps), a down.
    """
    rng = np.random.default_rng(seed)
    centre = [parameter.asnumpy().copy() for parameter in parameters]
    first, second = (random_direction(parameters, rng) for _ in range(2))
    places = np.linspace(-radius, radius, steps)
    losses = np.zeros((steps, steps))
    try:
        for row, a in enumerate(places):
            for column, b in enumerate(places):
                for parameter, w, d1, d2 in zip(parameters, centre, first, second):
                    parameter.set_data(Tensor((w + a * d1 + b * d2).astype(w.dtype)))
                losses[row, column] = loss()
    finally:
        for parameter, w in zip(parameters, centre):
            parameter.set_data(Tensor(w))
    return places, losses
