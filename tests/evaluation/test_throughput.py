from __future__ import annotations

import time

import numpy as np
from mindspore import Tensor, nn

from mindtune.evaluation.throughput import images_per_second


class Slow:
    """A stand-in for a network: every answer takes ten milliseconds, the first a second."""

    def __init__(self) -> None:
        self.training, self.calls = True, 0

    def set_train(self, mode: bool) -> None:
        self.training = mode

    def __call__(self, images: Tensor) -> Tensor:
        assert not self.training
        time.sleep(1.0 if self.calls == 0 else 0.01)
        self.calls += 1
        return images


def test_only_repeats_are_timed():
    network = Slow()
    images = Tensor(np.zeros((4, 3, 2, 2), np.float32))
    speed = images_per_second(network, images, warmup=2, repeats=5)
    assert network.calls == 7
    assert network.training
    assert 40 < speed <= 400


def test_a_cell_is_run_in_evaluation_mode():
    network = nn.Identity().set_train(True)
    assert images_per_second(network, Tensor(np.ones((2, 3), np.float32)), 0, 1) > 0
    assert network.training
