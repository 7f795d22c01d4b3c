"""Writers of CLIP's ResNet."""

from __future__ import annotations

from mindtune.backbones.clip_resnet import (
    AttentionPool2d,
    AveragePool,
    ClipBottleneck,
    ModifiedResNet,
)
from mindtune.onnx_graph import maps
from mindtune.onnx_graph.attention import self_attention
from mindtune.onnx_graph.backbone import Backbone
from mindtune.onnx_graph.builder import GraphBuilder, Writer


def average_pool(graph: GraphBuilder, cell: AveragePool, x: str) -> str:
    """(B, H, W, C) -> (B, H / size, W / size, C)."""
    size = (cell.size, cell.size)
    return maps.channels_last(graph, x, "AveragePool", kernel_shape=size, strides=size)


def bottleneck(graph: GraphBuilder, cell: ClipBottleneck, x: str) -> str:
    """Maps (B, H, W, C) -> (B, H', W', C')."""
    y = maps.normed_conv(graph, cell.conv1, cell.bn1, x)
    y = graph.cell(cell.avgpool, maps.normed_conv(graph, cell.conv2, cell.bn2, y))
    y = graph.cell(cell.bn3, graph.cell(cell.conv3, y))
    return graph.node("Relu", graph.node("Add", y, graph.cell(cell.downsample, x)))


def attention_pool(graph: GraphBuilder, cell: AttentionPool2d, features: str) -> str:
    """Maps (B, h, w, C) -> (B, 1 + hw, D)."""
    cells = maps.tokens(graph, features, cell.dim)  # (B, hw, C)
    mean = graph.node("ReduceMean", cells, axes=(1,), keepdims=1)
    x = graph.node("Concat", mean, cells, axis=1)
    x = graph.node("Add", x, graph.parameter(cell.positional_embedding))  # (B, 1 + hw, C)
    parts = [graph.cell(part, x) for part in (cell.q_proj, cell.k_proj, cell.v_proj)]
    packed = graph.node("Concat", *parts, axis=-1)  # (B, 1 + hw, 3C)
    return self_attention(graph, cell, packed, cell.c_proj)


def tokens_of_images(graph: GraphBuilder, cell: ModifiedResNet, images: str) -> str:
    """Images (B, 3, S, S) -> tokens (B, 1 + N, D)."""
    tower = cell.visual
    x = maps.images_channels_last(graph, images)
    x = maps.normed_conv(graph, tower.conv1, tower.bn1, x)
    x = maps.normed_conv(graph, tower.conv2, tower.bn2, x)
    x = graph.cell(tower.avgpool, maps.normed_conv(graph, tower.conv3, tower.bn3, x))
    for stage in tower.stages:
        x = graph.cell(stage, x)
    return graph.cell(tower.attnpool, x)


def features(graph: GraphBuilder, cell: ModifiedResNet, x: str) -> tuple[str, str]:
    """Tokens and the first of them (B, D)."""
    return x, graph.node("Gather", x, graph.integers(0), axis=1)


WRITERS: dict[type, Writer] = {
    AveragePool: average_pool,
    ClipBottleneck: bottleneck,
    AttentionPool2d: attention_pool,
}

BACKBONES: dict[type, Backbone] = {ModifiedResNet: Backbone(tokens_of_images, features)}
