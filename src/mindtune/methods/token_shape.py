"""How many tokens a backbone gives, and how wide they are."""

from __future__ import annotations

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn


def token_shape(backbone: nn.Cell) -> tuple[int, int]:
    """(N, C) of the tokens of an image, class token included.

    One black image is run operator by operator, which compiles nothing.
    """
    side = backbone.preprocessing.input_size
    mode = ms.get_context("mode")
    ms.set_context(mode=ms.PYNATIVE_MODE)
    try:
        tokens, _ = backbone(Tensor(np.zeros((1, 3, side, side), np.float32)))
    finally:
        ms.set_context(mode=mode)
    return tokens.shape[1], tokens.shape[2]
