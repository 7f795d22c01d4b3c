"""Writers of ConvNeXt, AS-MLP and ResNet."""

from __future__ import annotations

from mindtune.backbones import as_mlp, convnext, resnet
from mindtune.onnx_graph import maps
from mindtune.onnx_graph.backbone import Backbone
from mindtune.onnx_graph.builder import END, GraphBuilder, Writer


def convnext_block(graph: GraphBuilder, cell: convnext.Block, x: str) -> str:
    """Residual block, (B, H, W, C) -> (B, H, W, C)."""
    branch = graph.cell(cell.norm, graph.cell(cell.conv_dw, x))
    branch = graph.cell(cell.mlp, branch)
    branch = graph.cell(cell.psrp, branch, branch)
    branch = graph.node("Mul", branch, graph.parameter(cell.gamma))
    return graph.node("Add", x, graph.cell(cell.drop_path, branch))


def convnext_stage(graph: GraphBuilder, cell: convnext.Stage, x: str) -> str:
    """Downsampling, then the blocks."""
    x = graph.cell(cell.downsample, x)
    for block in cell.blocks:
        x = graph.cell(block, x)
    return x


def pooled_norm(graph: GraphBuilder, cell: convnext.PooledNorm, x: str) -> str:
    """The normed mean of all tokens, (B, N, C) -> (B, C)."""
    return graph.cell(cell.norm, maps.token_mean(graph, x))


def convnext_tokens(graph: GraphBuilder, cell: convnext.ConvNeXt, images: str) -> str:
    """Images (B, 3, S, S) -> tokens (B, N, C)."""
    x = graph.cell(cell.stem, maps.images_channels_last(graph, images))
    for stage in cell.stages:
        x = graph.cell(stage, x)
    return maps.tokens(graph, x, cell.num_features)


def convnext_features(graph: GraphBuilder, cell: convnext.ConvNeXt, x: str) -> tuple[str, str]:
    """Tokens and their normed mean (B, C)."""
    return x, graph.cell(cell.head, x)


def axial_shift(graph: GraphBuilder, cell: as_mlp.AxialShift, x: str) -> str:
    """Groups of channels moved along one axis, zeros coming in."""
    before = [0, 0, 0, 0]
    before[cell.axis] = cell.reach
    padded = graph.node("Pad", x, graph.integers((*before, *before)))
    groups = graph.split_node("Split", len(cell.sizes), padded, graph.integers(cell.sizes), axis=-1)
    moved = []
    for k, group in enumerate(groups):
        start, end = 2 * cell.reach - k, -k or END
        bounds = (graph.integers((value,)) for value in (start, end, cell.axis))
        moved.append(graph.node("Slice", group, *bounds))
    return graph.node("Concat", *moved, axis=-1)


def axial_shift_mixer(graph: GraphBuilder, cell: as_mlp.AxialShiftMixer, x: str) -> str:
    """Both directions, summed, (B, H, W, C) -> (B, H, W, C)."""
    x = graph.cell(cell.act, graph.cell(cell.norm1, graph.cell(cell.conv1, x)))
    sides = [
        graph.cell(cell.act, graph.cell(conv, graph.cell(shift, x)))
        for shift, conv in ((cell.shift_columns, cell.conv2_1), (cell.shift_rows, cell.conv2_2))
    ]
    return graph.cell(cell.conv3, graph.cell(cell.norm2, graph.node("Add", *sides)))


def pointwise_mlp(graph: GraphBuilder, cell: as_mlp.PointwiseMlp, x: str) -> str:
    """1 x 1 convolution, GELU, 1 x 1 convolution."""
    return graph.cell(cell.fc2, graph.cell(cell.act, graph.cell(cell.fc1, x)))


def as_mlp_block(graph: GraphBuilder, cell: as_mlp.Block, x: str) -> str:
    """Residual block, (B, H, W, C) -> (B, H, W, C)."""
    branch = graph.cell(cell.axial_shift, graph.cell(cell.norm1, x))
    x = graph.node("Add", x, graph.cell(cell.drop_path1, branch))
    branch = graph.cell(cell.mlp, graph.cell(cell.norm2, x))
    branch = graph.cell(cell.psrp, x, branch)
    return graph.node("Add", x, graph.cell(cell.drop_path2, branch))


def patch_stem(graph: GraphBuilder, cell: as_mlp.PatchStem, images: str) -> str:
    """Patches, then their norm."""
    return graph.cell(cell.norm, graph.cell(cell.proj, images))


def patch_merging(graph: GraphBuilder, cell: as_mlp.PatchMerging, x: str) -> str:
    """Four neighbours as one pixel: (B, H, W, C) -> (B, H/2, W/2, 2C)."""
    ends, axes, steps = (graph.integers(v) for v in ((END,) * 2, (1, 2), (2, 2)))
    corners = [
        graph.node("Slice", x, graph.integers(start), ends, axes, steps)
        for start in ((0, 0), (1, 0), (0, 1), (1, 1))  # (row, column)
    ]
    merged = graph.node("Concat", *corners, axis=-1)  # (B, H/2, W/2, 4C)
    return graph.cell(cell.reduction, graph.cell(cell.norm, merged))


def as_mlp_stage(graph: GraphBuilder, cell: as_mlp.Stage, x: str) -> str:
    """The blocks, then downsampling."""
    for block in cell.blocks:
        x = graph.cell(block, x)
    return graph.cell(cell.downsample, x)


def as_mlp_tokens(graph: GraphBuilder, cell: as_mlp.ASMLP, images: str) -> str:
    """Images (B, 3, S, S) -> tokens (B, N, C) before the final norm."""
    x = graph.cell(cell.patch_embed, maps.images_channels_last(graph, images))
    for stage in cell.layers:
        x = graph.cell(stage, x)
    return maps.tokens(graph, x, cell.num_features)


def as_mlp_features(graph: GraphBuilder, cell: as_mlp.ASMLP, x: str) -> tuple[str, str]:
    """Normed tokens and their mean (B, C)."""
    tokens = graph.cell(cell.norm, x)
    return tokens, maps.token_mean(graph, tokens)


def bottleneck(graph: GraphBuilder, cell: resnet.Bottleneck, x: str) -> str:
    """Residual block, (B, H, W, C) -> (B, H', W', C')."""
    y = maps.normed_conv(graph, cell.conv1, cell.bn1, x)
    y = maps.normed_conv(graph, cell.conv2, cell.bn2, y)
    y = graph.cell(cell.bn3, graph.cell(cell.conv3, y))
    return graph.node("Relu", graph.node("Add", y, graph.cell(cell.downsample, x)))


def max_pool(graph: GraphBuilder, cell: resnet.MaxPool, x: str) -> str:
    """3 x 3 maximum of stride 2."""
    window = {"kernel_shape": (3, 3), "strides": (2, 2), "pads": (1, 1, 1, 1)}
    return maps.channels_last(graph, x, "MaxPool", **window)


def resnet_tokens(graph: GraphBuilder, cell: resnet.ResNet, images: str) -> str:
    """Images (B, 3, S, S) -> tokens (B, N, C)."""
    x = maps.images_channels_last(graph, images)
    x = graph.cell(cell.maxpool, maps.normed_conv(graph, cell.conv1, cell.bn1, x))
    for stage in cell.parts:
        x = graph.cell(stage, x)
    return maps.tokens(graph, x, cell.num_features)


def resnet_features(graph: GraphBuilder, cell: resnet.ResNet, x: str) -> tuple[str, str]:
    """Tokens and their mean (B, C)."""
    return x, maps.token_mean(graph, x)


BACKBONES = {
    convnext.ConvNeXt: Backbone(convnext_tokens, convnext_features),
    as_mlp.ASMLP: Backbone(as_mlp_tokens, as_mlp_features),
    resnet.ResNet: Backbone(resnet_tokens, resnet_features),
}

WRITERS: dict[type, Writer] = {
    convnext.Block: convnext_block,
    convnext.Stage: convnext_stage,
    convnext.PooledNorm: pooled_norm,
    as_mlp.AxialShift: axial_shift,
    as_mlp.AxialShiftMixer: axial_shift_mixer,
    as_mlp.PointwiseMlp: pointwise_mlp,
    as_mlp.Block: as_mlp_block,
    as_mlp.PatchStem: patch_stem,
    as_mlp.PatchMerging: patch_merging,
    as_mlp.Stage: as_mlp_stage,
    resnet.Bottleneck: bottleneck,
    resnet.MaxPool: max_pool,
}
