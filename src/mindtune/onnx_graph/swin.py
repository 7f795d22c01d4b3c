"""Writers of the Swin Transformers."""

from __future__ import annotations

from mindspore import nn

from mindtune.backbones.swin import SwinBlock, SwinStage, SwinTransformer
from mindtune.backbones.swin_v2 import SwinTransformerV2, SwinV2Block
from mindtune.layers.patch_merging import PatchMerging, PatchMergingPostNorm, merged_grid
from mindtune.layers.windows import Windows
from mindtune.onnx_graph.backbone import Backbone
from mindtune.onnx_graph.builder import END, GraphBuilder, Writer


def split(graph: GraphBuilder, cell: Windows, x: str) -> str:
    """``Windows.split``: tokens (B, HW, C) -> windows (B * nW, wh * ww, C)."""
    (rows, columns), (height, width) = cell.counts, cell.window
    x = graph.node("Reshape", x, graph.integers((0, *cell.grid, cell.dim)))  # (B, H, W, C)
    for axis in (1, 2):
        x = _rolled(graph, x, axis, cell.shift[axis - 1])
    x = _padded(graph, x, cell.padding)
    shape = graph.integers((-1, rows, height, columns, width, cell.dim))
    x = graph.node("Transpose", graph.node("Reshape", x, shape), perm=(0, 1, 3, 2, 4, 5))
    return graph.node("Reshape", x, graph.integers((-1, height * width, cell.dim)))


def join(graph: GraphBuilder, cell: Windows, windows: str) -> str:
    """``Windows.join``: windows (B * nW, wh * ww, C) -> tokens (B, HW, C)."""
    (rows, columns), (height, width) = cell.counts, cell.window
    shape = graph.integers((-1, rows, columns, height, width, cell.dim))
    x = graph.node("Transpose", graph.node("Reshape", windows, shape), perm=(0, 1, 3, 2, 4, 5))
    x = graph.node("Reshape", x, graph.integers((-1, *cell.padded, cell.dim)))  # (B, H', W', C)
    for axis in (1, 2):
        side, shift = cell.grid[axis - 1], cell.shift[axis - 1]
        if cell.padding[axis - 1]:
            x = _slice(graph, x, axis, 0, side)
        x = _rolled(graph, x, axis, (side - shift) % side)
    return graph.node("Reshape", x, graph.integers((0, -1, cell.dim)))


def patch_merging(graph: GraphBuilder, cell: PatchMerging, x: str) -> str:
    """Tokens (B, HW, C) -> (B, HW / 4, 2C), norm first."""
    return graph.cell(cell.reduction, graph.cell(cell.norm, _neighbours(graph, cell, x)))


def patch_merging_post_norm(graph: GraphBuilder, cell: PatchMergingPostNorm, x: str) -> str:
    """Tokens (B, HW, C) -> (B, HW / 4, 2C), norm last."""
    return graph.cell(cell.norm, graph.cell(cell.reduction, _neighbours(graph, cell, x)))


def swin_block(graph: GraphBuilder, cell: SwinBlock, x: str) -> str:
    """Pre-norm block, (B, HW, C) -> (B, HW, C)."""
    windows = split(graph, cell.windows, graph.cell(cell.norm1, x))
    branch = join(graph, cell.windows, graph.cell(cell.attn, windows))
    x = graph.node("Add", x, graph.cell(cell.drop_path1, branch))
    branch = graph.cell(cell.mlp, graph.cell(cell.norm2, x))
    branch = graph.cell(cell.psrp, x, branch)
    return graph.node("Add", x, graph.cell(cell.drop_path2, branch))


def swin_v2_block(graph: GraphBuilder, cell: SwinV2Block, x: str) -> str:
    """Post-norm block, (B, HW, C) -> (B, HW, C)."""
    windows = graph.cell(cell.attn, split(graph, cell.windows, x))
    branch = graph.cell(cell.norm1, join(graph, cell.windows, windows))
    x = graph.node("Add", x, graph.cell(cell.drop_path1, branch))
    branch = graph.cell(cell.norm2, graph.cell(cell.mlp, x))
    branch = graph.cell(cell.psrp, x, branch)
    return graph.node("Add", x, graph.cell(cell.drop_path2, branch))


def swin_stage(graph: GraphBuilder, cell: SwinStage, x: str) -> str:
    """Merging, then the blocks."""
    x = graph.cell(cell.downsample, x)
    for block in cell.blocks:
        x = graph.cell(block, x)
    return x


def tokens_of_images(graph: GraphBuilder, cell: SwinTransformer, images: str) -> str:
    """``forward_tokens``: images (B, 3, S, S) -> tokens before the final norm (B, N, C)."""
    x = graph.cell(cell.patch_embed, images)
    for stage in cell.layers:
        x = graph.cell(stage, x)
    return x


def features(graph: GraphBuilder, cell: SwinTransformer, x: str) -> tuple[str, str]:
    """``features``: normed tokens (B, N, C) and their mean (B, C)."""
    tokens = graph.cell(cell.norm, x)
    return tokens, graph.node("ReduceMean", tokens, axes=(1,), keepdims=0)


def _neighbours(graph: GraphBuilder, cell: PatchMerging, x: str) -> str:
    """``PatchMerging.neighbours``: tokens (B, HW, C) -> (B, HW / 4, 4C)."""
    (height, width), (rows, columns) = cell.grid, merged_grid(cell.grid)
    x = graph.node("Reshape", x, graph.integers((0, height, width, cell.dim)))
    x = _padded(graph, x, (height % 2, width % 2))
    shape = graph.integers((-1, rows, 2, columns, 2, cell.dim))
    x = graph.node("Transpose", graph.node("Reshape", x, shape), perm=(0, 1, 3, 4, 2, 5))
    return graph.node("Reshape", x, graph.integers((-1, rows * columns, 4 * cell.dim)))


def _rolled(graph: GraphBuilder, x: str, axis: int, count: int) -> str:
    """The first ``count`` rows or columns of (B, H, W, C) moved to the end."""
    if count == 0:
        return x
    parts = (_slice(graph, x, axis, count, END), _slice(graph, x, axis, 0, count))
    return graph.node("Concat", *parts, axis=axis)


def _slice(graph: GraphBuilder, x: str, axis: int, start: int, end: int) -> str:
    bounds = (graph.integers((value,)) for value in (start, end, axis))
    return graph.node("Slice", x, *bounds)


def _padded(graph: GraphBuilder, x: str, padding: tuple[int, int]) -> str:
    """(B, H, W, C) with rows of zeros below and columns of zeros on the right."""
    if sum(padding) == 0:
        return x
    return graph.node("Pad", x, graph.integers((0, 0, 0, 0, 0, *padding, 0)))


WRITERS: dict[type, Writer] = {
    PatchMerging: patch_merging,
    PatchMergingPostNorm: patch_merging_post_norm,
    SwinBlock: swin_block,
    SwinV2Block: swin_v2_block,
    SwinStage: swin_stage,
}

BACKBONES: dict[type[nn.Cell], Backbone] = {
    SwinTransformer: Backbone(tokens_of_images, features),
    SwinTransformerV2: Backbone(tokens_of_images, features),
}
