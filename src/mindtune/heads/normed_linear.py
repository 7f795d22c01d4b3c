"""Linear classifier on batch-normalised features."""

from __future__ import annotations

from mindspore import Tensor, nn
from mindspore.common.initializer import Normal

from mindtune.heads.linear import FirstOrderFeature
from mindtune.layers.batch_norm import FeatureNorm
from mindtune.layers.linear import linear


class NormedLinearHead(nn.SequentialCell):
    """``logits = norm(f) W^T + b``, f a ``FirstOrderFeature``, norm without scale and shift.

    Parameters are called as in Feature Distillation's and MAE's linear probes, ``0.running_mean``,
    ``1.weight``; W starts normal of std ``0.01 init_scale``, b at 0. The norm is a batch norm.

    Raises:
        ConfigError: unknown ``pool``.
    """

    def __init__(
        self,
        in_dim: int,
        num_classes: int,
        num_prefix_tokens: int,
        pool: str = "pooled",
        init_scale: float = 1.0,
    ) -> None:
        feature = FirstOrderFeature(num_prefix_tokens, pool)
        start = Normal(0.01 * init_scale)
        super().__init__(FeatureNorm(in_dim), linear(in_dim, num_classes, weight_init=start))
        self.feature = feature

    def construct(self, tokens: Tensor, pooled: Tensor) -> Tensor:
        return super().construct(self.feature(tokens, pooled))
