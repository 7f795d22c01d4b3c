"""Writers of the layers that work on channels-last maps (B, H, W, C)."""

from __future__ import annotations

from mindtune.layers.batch_norm import EPS, BatchNorm
from mindtune.layers.conv import ChannelsLastConv
from mindtune.layers.depthwise import DepthwiseConv
from mindtune.layers.map_norm import MapNorm
from mindtune.onnx_graph.builder import GraphBuilder, Writer

_TO_FIRST, _TO_LAST = (0, 3, 1, 2), (0, 2, 3, 1)


def channels_last(graph: GraphBuilder, x: str, op: str, *weights: str, **attributes: object) -> str:
    """An operator of ONNX, whose channels come first, on maps whose channels come last."""
    first = graph.node("Transpose", x, perm=_TO_FIRST)  # (B, C, H, W)
    y = graph.node(op, first, *weights, **attributes)
    return graph.node("Transpose", y, perm=_TO_LAST)  # (B, H, W, O)


def conv(graph: GraphBuilder, cell: ChannelsLastConv, x: str) -> str:
    """Convolution, (B, H, W, C) -> (B, H', W', O)."""
    weights = [graph.parameter(cell.weight)]
    if cell.has_bias:
        weights.append(graph.parameter(cell.bias))
    return channels_last(
        graph, x, "Conv", *weights, strides=(cell.stride,) * 2, pads=(cell.padding,) * 4
    )


def normed_conv(graph: GraphBuilder, layer: ChannelsLastConv, norm: BatchNorm, x: str) -> str:
    """Convolution, norm, ReLU: (B, H, W, C) -> (B, H', W', O)."""
    return graph.node("Relu", graph.cell(norm, graph.cell(layer, x)))


def depthwise_conv(graph: GraphBuilder, cell: DepthwiseConv, x: str) -> str:
    """Convolution of each channel by itself, size kept."""
    weights = [graph.parameter(cell.weight), graph.parameter(cell.bias)]
    pads = (cell.kernel // 2,) * 4
    return channels_last(graph, x, "Conv", *weights, group=cell.weight.shape[0], pads=pads)


def map_norm(graph: GraphBuilder, cell: MapNorm, x: str) -> str:
    """Each map over all its numbers, then scale and shift a channel: (B, ..., C)."""
    channels = cell.weight.shape[0]
    flat = graph.node("Reshape", x, graph.integers((0, -1, channels)))  # (B, N, C)
    centred = graph.node("Sub", flat, graph.node("ReduceMean", flat, axes=(1, 2), keepdims=1))
    square = graph.node("Mul", centred, centred)
    variance = graph.node("ReduceMean", square, axes=(1, 2), keepdims=1)  # (B, 1, 1)
    std = graph.node("Sqrt", graph.node("Add", variance, graph.number(cell.normalise.epsilon)))
    scaled = graph.node("Mul", graph.node("Div", centred, std), graph.parameter(cell.weight))
    normed = graph.node("Add", scaled, graph.parameter(cell.bias))
    return graph.node("Reshape", normed, graph.node("Shape", x))


def batch_norm(graph: GraphBuilder, cell: BatchNorm, x: str) -> str:
    """Normalisation by the running statistics; what does not depend on x folds on loading."""
    variance = graph.node("Add", graph.parameter(cell.running_var), graph.number(EPS))
    scale = graph.node("Div", graph.parameter(cell.weight), graph.node("Sqrt", variance))  # (C,)
    mean = graph.node("Mul", graph.parameter(cell.running_mean), scale)
    shift = graph.node("Sub", graph.parameter(cell.bias), mean)  # (C,)
    return graph.node("Add", graph.node("Mul", x, scale), shift)


def tokens(graph: GraphBuilder, maps: str, channels: int) -> str:
    """Maps (B, H, W, C) as tokens (B, HW, C), row by row."""
    return graph.node("Reshape", maps, graph.integers((0, -1, channels)))


def token_mean(graph: GraphBuilder, x: str) -> str:
    """The mean of all tokens, (B, N, C) -> (B, C)."""
    return graph.node("ReduceMean", x, axes=(1,), keepdims=0)


def images_channels_last(graph: GraphBuilder, images: str) -> str:
    """Images (B, 3, S, S) -> (B, S, S, 3)."""
    return graph.node("Transpose", images, perm=_TO_LAST)


WRITERS: dict[type, Writer] = {
    ChannelsLastConv: conv,
    DepthwiseConv: depthwise_conv,
    MapNorm: map_norm,
    BatchNorm: batch_norm,
}
