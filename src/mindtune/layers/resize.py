"""Square images at another size, inside a graph."""

from __future__ import annotations

import numpy as np
from mindspore import Tensor, nn, ops
from PIL import Image


class Resize(nn.Cell):
    """Images (B, 3, S, S) -> (B, 3, R, R) as PIL resizes bicubically, but without rounding.

    PIL weighs the pixels of rows and columns alike, so one matrix (R, S) is all there is to it.
    """

    def __init__(self, size: int, wanted: int) -> None:
        super().__init__()
        pixels = Image.fromarray(np.eye(size, dtype=np.float32))
        rows = pixels.resize((size, wanted), Image.Resampling.BICUBIC)
        self.weights = Tensor(np.array(rows))  # (R, S)

    def construct(self, images: Tensor) -> Tensor:
        x = ops.dense(images, self.weights)  # (B, 3, S, R)
        x = ops.dense(ops.transpose(x, (0, 1, 3, 2)), self.weights)  # (B, 3, R, R)
        return ops.transpose(x, (0, 1, 3, 2))
