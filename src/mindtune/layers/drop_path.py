"""Stochastic depth."""

from __future__ import annotations

import numpy as np
from mindspore import Tensor, nn, ops
from mindspore import dtype as mstype

from mindtune.errors import ConfigError
from mindtune.layers.random import RandomLayer
from mindtune.ops.row_maps import sample_scale_kernel
from mindtune.ops.two_paths import TwoPaths


class DropPath(RandomLayer, TwoPaths):
    """Drop a residual branch per sample with probability ``rate``, in training only.

    Kept branches are divided by ``1 - rate``. Huang et al., "Deep networks with stochastic depth",
    2016; per-sample form as in timm.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.keep = 1.0 - rate
        library = self.choose_path(devices=("CPU",))
        if library is not None:
            self.kernel = sample_scale_kernel(library)

    def construct(self, branch: Tensor) -> Tensor:
        if not self.training:
            return branch
        batch = branch.shape[0]
        kept = ops.cast(self.uniform(batch) < self.keep, mstype.float32) / self.keep  # (B,)
        if self.uses_kernel:
            scaled = self.kernel(ops.cast(branch, mstype.float32), kept)
            return ops.cast(scaled, branch.dtype)
        kept = ops.cast(kept, branch.dtype)
        return branch * kept.reshape((batch,) + (1,) * (branch.ndim - 1))


def drop_path(rate: float) -> nn.Cell:
    """A ``DropPath`` Cell, or the identity where nothing is ever dropped."""
    return DropPath(rate) if rate > 0 else nn.Identity()


def drop_path_rates(rate: float, depth: int) -> list[float]:
    """Rates of ``depth`` blocks rising linearly from 0 to ``rate``."""
    if not 0 <= rate < 1:
        raise ConfigError(f"backbone.drop_path: got {rate}, expected 0 <= rate < 1")
    return [float(r) for r in np.linspace(0.0, rate, depth)]
