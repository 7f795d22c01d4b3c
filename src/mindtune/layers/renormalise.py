"""Normalised images, normalised again for another network."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from mindspore import Tensor, nn

Statistics = tuple[Sequence[float], Sequence[float]]


class Renormalise(nn.Cell):
    """``(x std_in + mean_in - mean_out) / std_out`` a channel, images (B, 3, S, S) to the same.

    Args:
        given: mean and std by which the images were normalised.
        wanted: mean and std by which they are to be.
    """

    def __init__(self, given: Statistics, wanted: Statistics) -> None:
        super().__init__()
        (mean_in, std_in), (mean_out, std_out) = np.array(given), np.array(wanted)
        self.scale = _by_channel(std_in / std_out)
        self.shift = _by_channel((mean_in - mean_out) / std_out)

    def construct(self, images: Tensor) -> Tensor:
        return images * self.scale + self.shift


def _by_channel(values: np.ndarray) -> Tensor:
    return Tensor(values.astype(np.float32).reshape(1, -1, 1, 1))  # (1, 3, 1, 1)
