"""Images a second of a network's forward pass."""

from __future__ import annotations

import time

from mindspore import Tensor, nn


def images_per_second(network: nn.Cell, images: Tensor, warmup: int, repeats: int) -> float:
    """``repeats * B / t`` of the forward pass in evaluation mode on one batch (B, 3, S, S).

    The batch is run ``warmup`` times first, the first of which compiles. Feature Distillation's
    code takes 50 and 30.
    """
    was_training = network.training
    network.set_train(False)
    try:
        _wait_for(network, images, max(warmup, 1))
        started = time.perf_counter()
        _wait_for(network, images, repeats)
        seconds = time.perf_counter() - started
    finally:
        network.set_train(was_training)
    return repeats * images.shape[0] / seconds


def _wait_for(network: nn.Cell, images: Tensor, repeats: int) -> None:
    """Run so many times; the device may be late, so that the last answer is waited for."""
    for _ in range(repeats):
        answer = network(images)
    answer.asnumpy()
