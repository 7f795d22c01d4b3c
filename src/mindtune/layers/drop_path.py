"""Stochastic depth."""

from __future__ import annotations

import numpy as np
from mindspore import Tensor, nn, ops

from mindtune.errors import ConfigError
from mindtune.layers.random import RandomLayer


class DropPath(RandomLayer):
    """Drop a residual branch per sample with probability ``rate``, in training only.

    Kept branches are divided by ``1 - rate``. Huang et al., "Deep networks with stochastic depth",
    2016; per-sample form as in timm.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.keep = 1.0 - rate

    def construct(self, branch: Tensor) -> Tensor:
        if not self.training:
            return branch
        batch = branch.shape[0]
        kept = ops.cast(self.uniform(batch) < self.keep, branch.dtype) / self.keep
        return branch * kept.reshape((batch,) + (1,) * (branch.ndim - 1))


def drop_path(rate: float) -> nn.Cell:
    """A ``DropPath`` Cell, or the identity where nothing is ever dropped."""
    return DropPath(rate) if rate > 0 else nn.Identity()


def drop_path_rates(rate: float, depth: int) -> list[float]:
    """Rates of ``depth`` blocks rising linearly from 0 to ``rate``."""
    if not 0 <= rate < 1:
        raise ConfigError(f"backbone.drop_path: got {rate}, expected 0 <= rate < 1")
    return [float(r) for r in np.linspace(0.0, rate, depth)]
