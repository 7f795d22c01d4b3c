"""Every operator with a compiled kernel, against the same operator composed by MindSpore."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from mindspore import Tensor, nn, ops

from mindtune.heads.shrinking import ShrinkingBlock
from mindtune.layers.activations import GELU, QuickGELU
from mindtune.layers.channel_map import ChannelMap
from mindtune.layers.conv import ChannelsLastConv
from mindtune.layers.drop_path import DropPath
from mindtune.layers.dropout import Dropout
from mindtune.layers.linear import LinearMap
from mindtune.layers.norm import LayerNorm
from mindtune.layers.permute import Permute
from mindtune.layers.unit_rows import UnitRows
from mindtune.layers.windows import JoinWindows, SplitWindows
from mindtune.objectives.prototype_rows import PrototypeRows
from mindtune.ops import (
    HeadCrossCovariance,
    MomentPooling,
    SoftmaxAttention,
    SquareRootCovariance,
    composed,
)

_PAIRS = [(0, 1), (2, 3), (0, 3)]
_HEAD_DIM = 11  # no multiple of any vector's width

Case = tuple[nn.Cell, tuple[Tensor, ...]]


def _head_cross_covariance() -> Case:
    return HeadCrossCovariance(_PAIRS), (_normal(2, 4, 19, _HEAD_DIM),)


def _moment_pooling() -> Case:
    cell = MomentPooling(4, _PAIRS, "contiguous", "channel", 1e-6)
    return cell, (_normal(2, 19, 4 * _HEAD_DIM), _normal(_HEAD_DIM), _normal(_HEAD_DIM))


def _square_root_covariance() -> Case:
    return SquareRootCovariance(_HEAD_DIM), (_normal(2, 19, _HEAD_DIM),)


def _shrinking_block() -> Case:
    return ShrinkingBlock(len(_PAIRS)), (_normal(2, len(_PAIRS), _HEAD_DIM, _HEAD_DIM),)


def _gelu() -> Case:
    return GELU(), (_normal(19, _HEAD_DIM),)


def _quick_gelu() -> Case:
    return QuickGELU(), (_normal(19, _HEAD_DIM),)


def _layer_norm() -> Case:
    return LayerNorm(_HEAD_DIM, 1e-6), (_normal(19, _HEAD_DIM),)


def _softmax_attention() -> Case:
    inputs = (
        _normal(4, 19, 6 * _HEAD_DIM),
        _normal(2),
        _normal(1, 2, 19, 19),
        _normal(2, 1, 19, 19),
    )
    return SoftmaxAttention(2, _HEAD_DIM), inputs


def _linear_map() -> Case:
    return LinearMap(), (_normal(19, _HEAD_DIM), _normal(7, _HEAD_DIM), _normal(7))


def _channel_map() -> Case:
    return ChannelMap(), (_normal(19, _HEAD_DIM), _normal(_HEAD_DIM), _normal(_HEAD_DIM))


def _drop_path() -> Case:
    return DropPath(0.5).set_train(), (_normal(19, _HEAD_DIM),)


def _dropout() -> Case:
    return Dropout(0.5).set_train(), (_normal(19, _HEAD_DIM),)


def _channels_last_conv() -> Case:
    return ChannelsLastConv(_HEAD_DIM, 7, 3, stride=2, padding=1), (_normal(2, 6, 5, _HEAD_DIM),)


def _unit_rows() -> Case:
    return UnitRows(), (_normal(19, _HEAD_DIM), _normal(19))


def _prototype_rows() -> Case:
    rows, weights = Tensor(np.arange(5, dtype=np.int32)), Tensor(np.ones(5, np.float32))
    units, prototypes = _normal(5, _HEAD_DIM), _normal(19, _HEAD_DIM)
    teacher = (units, prototypes, _normal(1, 19), Tensor(np.float32(0.5)))
    return PrototypeRows(0.5, 3), (units, prototypes, *teacher, rows, rows, weights)


def _permute() -> Case:
    return Permute(2, 0, 1), (_normal(2, 7, _HEAD_DIM),)


def _split_windows() -> Case:
    return SplitWindows((5, 7), (3, 2), (1, 1)), (_normal(2, 35, _HEAD_DIM),)


def _join_windows() -> Case:
    return JoinWindows((5, 7), (3, 2), (1, 1)), (_normal(16, 6, _HEAD_DIM),)


OPERATORS: dict[str, Callable[[], Case]] = {
    "HeadCrossCovariance": _head_cross_covariance,
    "MomentPooling": _moment_pooling,
    "SquareRootCovariance": _square_root_covariance,
    "ShrinkingBlock": _shrinking_block,
    "GELU": _gelu,
    "QuickGELU": _quick_gelu,
    "LayerNorm": _layer_norm,
    "SoftmaxAttention": _softmax_attention,
    "LinearMap": _linear_map,
    "ChannelMap": _channel_map,
    "DropPath": _drop_path,
    "Dropout": _dropout,
    "ChannelsLastConv": _channels_last_conv,
    "UnitRows": _unit_rows,
    "PrototypeRows": _prototype_rows,
    "Permute": _permute,
    "SplitWindows": _split_windows,
    "JoinWindows": _join_windows,
}


def largest_difference(cell: nn.Cell, inputs: tuple[Tensor, ...]) -> float:
    """Between kernel and composed path, of output and gradient, over the largest value of each."""
    found = _output_and_gradient(cell, inputs)
    with composed(cell):
        expected = _output_and_gradient(cell, inputs)
    differences = [
        np.abs(one - other).max() / np.abs(other).max() for one, other in zip(found, expected)
    ]
    return float(np.max(differences))  # NaN where one of them is


def _output_and_gradient(cell: nn.Cell, inputs: tuple[Tensor, ...]) -> list[np.ndarray]:
    """All outputs, and the gradient that some other gradient of them gives the first input."""
    output = cell(*inputs)
    outputs = output if isinstance(output, tuple) else (output,)
    slopes = tuple(ops.sin(one) for one in outputs)
    differentiate = ops.GradOperation(sens_param=True)(cell)
    gradient = differentiate(*inputs, slopes if isinstance(output, tuple) else slopes[0])
    return [one.asnumpy() for one in (*outputs, gradient)]


def _normal(*shape: int) -> Tensor:
    return Tensor(np.random.default_rng(0).standard_normal(shape).astype(np.float32))
