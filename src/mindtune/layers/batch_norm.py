"""Batch normalisation under PyTorch's parameter names."""

from __future__ import annotations

from mindspore import Parameter, Tensor, ops
from mindspore import dtype as mstype
from mindspore.common.initializer import initializer

from mindtune.layers.moving import MovingCell
from mindtune.parameters import RUNNING_MEAN, RUNNING_VAR

EPS = 1e-5
FEATURE_EPS = 1e-6
MOMENTUM = 0.1  # share of the new statistics; MindSpore's own layer names the share of the old


class RunningStatistics(MovingCell):
    """What a batch norm keeps of C channels: ``running_mean`` and ``running_var``.

    Attributes:
        frozen: they stay as they are in training too.
    """

    def __init__(self, channels: int, frozen: bool = False) -> None:
        super().__init__()
        self.frozen = frozen
        self.running_mean = Parameter(
            initializer("zeros", (channels,)), name=RUNNING_MEAN, requires_grad=False
        )
        self.running_var = Parameter(
            initializer("ones", (channels,)), name=RUNNING_VAR, requires_grad=False
        )

    def move_statistics(self, mean: Tensor, var: Tensor, count: float) -> None:
        """A tenth of the way from the running statistics to those of ``count`` values."""
        sample_var = ops.stop_gradient(var) * (count / max(count - 1.0, 1.0))
        mean = ops.stop_gradient(mean)
        ops.assign(self.running_mean, (1.0 - MOMENTUM) * self.running_mean + MOMENTUM * mean)
        ops.assign(self.running_var, (1.0 - MOMENTUM) * self.running_var + MOMENTUM * sample_var)

    def moving(self) -> list[Parameter]:
        """The running statistics, unless they are frozen."""
        return [] if self.frozen else [self.running_mean, self.running_var]


class BatchNorm(RunningStatistics):
    """Batch normalisation over the last axis of (B, H, W, C), in float32; Ioffe and Szegedy 2015.

    In training it normalises by the batch (population variance) and moves ``running_mean`` and
    ``running_var`` (sample variance) a tenth of the way, as PyTorch does; in evaluation it
    normalises by these. While ``frozen`` it does the latter in training too: statistics of a layer
    whose ``weight`` does not train must not drift (``mindtune.tuning.apply`` sets it). PyTorch's
    ``num_batches_tracked`` has no use with a fixed share and is not kept.

    Args:
        channels: C.
        weight_init: ``ones``, or ``zeros`` for the last norm of a residual branch.
        keeps_statistics: whether it is frozen whatever trains: ``weight`` and ``bias`` can still
            train, by the statistics of the pre-training.
    """

    def __init__(
        self, channels: int, weight_init: str = "ones", keeps_statistics: bool = False
    ) -> None:
        super().__init__(channels, frozen=keeps_statistics)
        self.keeps_statistics = keeps_statistics
        self.weight = Parameter(initializer(weight_init, (channels,)), name="weight")
        self.bias = Parameter(initializer("zeros", (channels,)), name="bias")

    def construct(self, maps: Tensor) -> Tensor:
        x = ops.cast(maps, mstype.float32)
        if not self.training or self.frozen:
            return self.by_running_statistics(x)
        mean = ops.mean(x, (0, 1, 2))  # (C,)
        centred = x - mean
        var = ops.mean(centred * centred, (0, 1, 2))  # (C,)
        self.move_statistics(mean, var, x.size / x.shape[3])
        return centred * (self.weight * ops.rsqrt(var + EPS)) + self.bias

    def by_running_statistics(self, maps: Tensor) -> Tensor:
        """One operator: for every product or sum of maps and channels, MindSpore 2.10 keeps the
        index of each number on the CPU, eight times the memory of the maps for the two together.
        """
        _, height, width, c = maps.shape
        statistics = (self.running_mean, self.running_var, self.weight, self.bias)
        rows = ops.batch_norm(maps.reshape(-1, c), *statistics, False, MOMENTUM, EPS)  # (BHW, C)
        return rows.reshape(-1, height, width, c)  # (B, H, W, C)


class FeatureNorm(RunningStatistics):
    """Batch normalisation of features (B, C) without scale and shift, in float32.

    It lets one learning rate fit the features of any network; the head of MAE's and Feature
    Distillation's linear probes, with their eps of 1e-6.
    """

    def construct(self, features: Tensor) -> Tensor:
        x = ops.cast(features, mstype.float32)
        if not self.training or self.frozen:
            return (x - self.running_mean) * ops.rsqrt(self.running_var + FEATURE_EPS)
        mean = ops.mean(x, 0)  # (C,)
        centred = x - mean
        var = ops.mean(centred * centred, 0)  # (C,)
        self.move_statistics(mean, var, x.shape[0])
        return centred * ops.rsqrt(var + FEATURE_EPS)
