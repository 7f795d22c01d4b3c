"""Writers of the layers that backbones and heads are made of."""

from __future__ import annotations

from mindspore import nn

from mindtune.errors import ConfigError
from mindtune.layers.activations import GELU
from mindtune.layers.drop_path import DropPath
from mindtune.layers.linear import Linear
from mindtune.layers.norm import LayerNorm
from mindtune.onnx_graph.builder import GraphBuilder, Writer

_SQRT_TWO = 2**0.5


def dense(graph: GraphBuilder, cell: nn.Dense, x: str) -> str:
    """``x W^T + b``, (..., C) -> (..., K).

    The transpose keeps W (K, C) in the file as it is in checkpoints; runtimes fold it on loading.
    """
    weight = graph.node("Transpose", graph.parameter(cell.weight), perm=(1, 0))  # (C, K)
    y = graph.node("MatMul", x, weight)
    if cell.has_bias:
        y = graph.node("Add", y, graph.parameter(cell.bias))
    return y if cell.activation is None else graph.cell(cell.activation, y)


def conv2d(graph: GraphBuilder, cell: nn.Conv2d, x: str) -> str:
    """Convolution without padding or bias, the one kind that our networks hold."""
    if cell.pad_mode != "valid" or cell.has_bias:
        raise ConfigError(
            f"file_format: got ONNX for a Conv2d with pad_mode {cell.pad_mode!r} and has_bias "
            f"{cell.has_bias}, expected 'valid' and False; use --file_format MINDIR"
        )
    return graph.node(
        "Conv",
        x,
        graph.parameter(cell.weight),
        strides=cell.stride,
        dilations=cell.dilation,
        group=cell.group,
    )


def layer_norm(graph: GraphBuilder, cell: LayerNorm, x: str) -> str:
    """Normalisation over the last axis."""
    weight, bias = graph.parameter(cell.weight), graph.parameter(cell.bias)
    epsilon = cell.normalise.epsilon
    return graph.node("LayerNormalization", x, weight, bias, axis=-1, epsilon=epsilon)


def gelu(graph: GraphBuilder, cell: GELU, x: str) -> str:
    """The exact GELU, ``0.5 x (1 + erf(x / sqrt(2)))``; one operator in ONNX from opset 20 on.

    It divides where our Cell multiplies: onnxruntime fuses this form into its own Gelu.
    """
    erf = graph.node("Erf", graph.node("Div", x, graph.number(_SQRT_TWO)))
    half = graph.node("Mul", x, graph.number(0.5))
    return graph.node("Mul", half, graph.node("Add", erf, graph.number(1.0)))


def relu(graph: GraphBuilder, cell: nn.ReLU, x: str) -> str:
    """``max(x, 0)``."""
    return graph.node("Relu", x)


def identity(graph: GraphBuilder, cell: nn.Cell, x: str) -> str:
    """A Cell which does nothing in evaluation."""
    return x


def sequential(graph: GraphBuilder, cell: nn.SequentialCell, x: str) -> str:
    """One Cell after the other."""
    for inner in cell:
        x = graph.cell(inner, x)
    return x


WRITERS: dict[type, Writer] = {
    nn.Dense: dense,
    Linear: dense,
    nn.Conv2d: conv2d,
    LayerNorm: layer_norm,
    GELU: gelu,
    nn.ReLU: relu,
    DropPath: identity,
    nn.Identity: identity,
    nn.SequentialCell: sequential,
}
