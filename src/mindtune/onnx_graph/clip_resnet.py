"""Writers of CLIP's ResNet."""

from __future__ import annotations

from mindtune.backbones.clip_resnet import (
    AttentionPool2d,
    AveragePool,
    ClipBottleneck,
    ModifiedResNet,
)
from mindtune.layers.frozen_batch_norm import FrozenBatchNorm
from mindtune.onnx_graph.builder import GraphBuilder, Writer

_CHANNELS_FIRST, _CHANNELS_LAST = (0, 3, 1, 2), (0, 2, 3, 1)


def batch_norm(graph: GraphBuilder, cell: FrozenBatchNorm, maps: str) -> str:
    """By the stored statistics, (B, H, W, C)."""
    parameters = (cell.weight, cell.bias, cell.running_mean, cell.running_var)
    x = graph.node("Transpose", maps, perm=_CHANNELS_FIRST)
    x = graph.node("BatchNormalization", x, *map(graph.parameter, parameters), epsilon=cell.eps)
    return graph.node("Transpose", x, perm=_CHANNELS_LAST)


def average_pool(graph: GraphBuilder, cell: AveragePool, maps: str) -> str:
    """(B, H, W, C) -> (B, H / size, W / size, C)."""
    size = (cell.size, cell.size)
    x = graph.node("Transpose", maps, perm=_CHANNELS_FIRST)
    x = graph.node("AveragePool", x, kernel_shape=size, strides=size)
    return graph.node("Transpose", x, perm=_CHANNELS_LAST)


def bottleneck(graph: GraphBuilder, cell: ClipBottleneck, x: str) -> str:
    """Maps (B, H, W, C) -> (B, H', W', C')."""
    branch = graph.node("Relu", graph.cell(cell.bn1, graph.cell(cell.conv1, x)))
    branch = graph.node("Relu", graph.cell(cell.bn2, graph.cell(cell.conv2, branch)))
    branch = graph.cell(cell.conv3, graph.cell(cell.avgpool, branch))
    shortcut = graph.cell(cell.downsample, x)
    return graph.node("Relu", graph.node("Add", graph.cell(cell.bn3, branch), shortcut))


def attention_pool(graph: GraphBuilder, cell: AttentionPool2d, features: str) -> str:
    """Maps (B, h, w, C) -> (B, 1 + hw, D)."""
    channels = cell.num_heads * cell.head_dim
    cells = graph.node("Reshape", features, graph.integers((0, -1, channels)))  # (B, hw, C)
    mean = graph.node("ReduceMean", cells, axes=(1,), keepdims=1)
    x = graph.node("Concat", mean, cells, axis=1)
    x = graph.node("Add", x, graph.parameter(cell.positional_embedding))  # (B, 1 + hw, C)
    heads = graph.integers((0, 0, cell.num_heads, cell.head_dim))
    q, k, v = (
        graph.node("Transpose", graph.node("Reshape", graph.cell(part, x), heads), perm=order)
        for part, order in (
            (cell.q_proj, (0, 2, 1, 3)),
            (cell.k_proj, (0, 2, 3, 1)),
            (cell.v_proj, (0, 2, 1, 3)),
        )
    )
    scores = graph.node("MatMul", graph.node("Mul", q, graph.number(cell.scale)), k)
    mixed = graph.node("MatMul", graph.node("Softmax", scores, axis=-1), v)  # (B, H, T, d)
    mixed = graph.node("Transpose", mixed, perm=(0, 2, 1, 3))  # (B, T, H, d)
    mixed = graph.node("Reshape", mixed, graph.integers((0, 0, channels)))  # (B, T, C)
    return graph.cell(cell.c_proj, mixed)


def modified_resnet(graph: GraphBuilder, cell: ModifiedResNet, images: str) -> tuple[str, str]:
    """Images (B, 3, S, S) -> tokens (B, 1 + N, D) and the image feature (B, D)."""
    tower = cell.visual
    x = graph.node("Transpose", images, perm=_CHANNELS_LAST)
    for conv, norm in (
        (tower.conv1, tower.bn1),
        (tower.conv2, tower.bn2),
        (tower.conv3, tower.bn3),
    ):
        x = graph.node("Relu", graph.cell(norm, graph.cell(conv, x)))
    x = graph.cell(tower.avgpool, x)
    for stage in (tower.layer1, tower.layer2, tower.layer3, tower.layer4):
        x = graph.cell(stage, x)
    tokens = graph.cell(tower.attnpool, x)
    return tokens, graph.node("Gather", tokens, graph.integers(0), axis=1)


WRITERS: dict[type, Writer] = {
    FrozenBatchNorm: batch_norm,
    AveragePool: average_pool,
    ClipBottleneck: bottleneck,
    AttentionPool2d: attention_pool,
    ModifiedResNet: modified_resnet,
}
