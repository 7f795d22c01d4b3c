"""Operators: compiled where there is a kernel, composed of MindSpore's elsewhere."""

from mindtune.ops.attention import SoftmaxAttention
from mindtune.ops.cross_covariance import (
    COLUMN_EPS,
    HeadCrossCovariance,
    cross_covariance,
    normalise_columns,
)
from mindtune.ops.moment_pooling import MomentPooling
from mindtune.ops.square_root_covariance import SquareRootCovariance
from mindtune.ops.two_paths import composed

__all__ = [
    "COLUMN_EPS",
    "HeadCrossCovariance",
    "MomentPooling",
    "SoftmaxAttention",
    "SquareRootCovariance",
    "composed",
    "cross_covariance",
    "normalise_columns",
]
