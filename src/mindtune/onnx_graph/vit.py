"""Writers of the Vision Transformer and of its recalibration slot."""

from __future__ import annotations

from mindtune.backbones.vit import Block, NoRecalibration, VisionTransformer
from mindtune.layers.attention import Attention
from mindtune.layers.mlp import Mlp
from mindtune.layers.patch_embed import PatchEmbed, PatchProjection
from mindtune.onnx_graph.builder import GraphBuilder, Writer
from mindtune.tuning.psrp import PSRP


def patch_projection(graph: GraphBuilder, cell: PatchProjection, images: str) -> str:
    """Images (B, 3, S, S) -> patches (B, N, C), here as the convolution which it is."""
    stride = (cell.patch_size, cell.patch_size)
    weight, bias = graph.parameter(cell.weight), graph.parameter(cell.bias)
    x = graph.node("Conv", images, weight, bias, strides=stride)  # (B, C, rows, columns)
    x = graph.node("Reshape", x, graph.integers((0, 0, -1)))  # (B, C, N)
    return graph.node("Transpose", x, perm=(0, 2, 1))  # (B, N, C)


def patch_embed(graph: GraphBuilder, cell: PatchEmbed, images: str) -> str:
    """Images (B, 3, S, S) -> patches (B, N, C)."""
    return graph.cell(cell.proj, images)


def attention(graph: GraphBuilder, cell: Attention, x: str) -> str:
    """Self-attention, (B, N, C) -> (B, N, C)."""
    width = cell.num_heads * cell.head_dim
    sizes = graph.integers((width,) * 3)
    heads = graph.integers((0, 0, cell.num_heads, cell.head_dim))
    parts = graph.split_node("Split", 3, graph.cell(cell.qkv, x), sizes, axis=-1)
    q, k, v = (graph.node("Reshape", part, heads) for part in parts)  # (B, N, H, d)
    q = graph.node("Mul", q, graph.number(cell.scale))
    q = graph.node("Transpose", q, perm=(0, 2, 1, 3))  # (B, H, N, d)
    k = graph.node("Transpose", k, perm=(0, 2, 3, 1))  # (B, H, d, N)
    v = graph.node("Transpose", v, perm=(0, 2, 1, 3))  # (B, H, N, d)
    weights = graph.node("Softmax", graph.node("MatMul", q, k), axis=-1)  # (B, H, N, N)
    mixed = graph.node("MatMul", weights, v)  # (B, H, N, d)
    mixed = graph.node("Transpose", mixed, perm=(0, 2, 1, 3))  # (B, N, H, d)
    mixed = graph.node("Reshape", mixed, graph.integers((0, 0, width)))  # (B, N, C)
    return graph.cell(cell.proj, mixed)


def mlp(graph: GraphBuilder, cell: Mlp, x: str) -> str:
    """Linear, GELU, linear."""
    return graph.cell(cell.fc2, graph.cell(cell.act, graph.cell(cell.fc1, x)))


def no_recalibration(graph: GraphBuilder, cell: NoRecalibration, tokens: str, branch: str) -> str:
    """The branch unchanged."""
    return branch


def psrp(graph: GraphBuilder, cell: PSRP, tokens: str, branch: str) -> str:
    """``b + (1 + w) * branch``, (B, N, C)."""
    reduced = graph.node("Relu", graph.cell(cell.down, tokens))  # (B, N, width)
    scale = graph.node("Add", graph.cell(cell.up_weight, reduced), graph.number(1.0))
    return graph.node("Add", graph.cell(cell.up_bias, reduced), graph.node("Mul", scale, branch))


def block(graph: GraphBuilder, cell: Block, x: str) -> str:
    """Pre-norm transformer block, (B, N, C) -> (B, N, C)."""
    branch = graph.cell(cell.attn, graph.cell(cell.norm1, x))
    x = graph.node("Add", x, graph.cell(cell.drop_path1, branch))
    branch = graph.cell(cell.mlp, graph.cell(cell.norm2, x))
    branch = graph.cell(cell.psrp, x, branch)
    return graph.node("Add", x, graph.cell(cell.drop_path2, branch))


def vision_transformer(
    graph: GraphBuilder, cell: VisionTransformer, images: str
) -> tuple[str, str]:
    """Images (B, 3, S, S) -> tokens (B, 1 + N, C) and the class token (B, C)."""
    patches = graph.cell(cell.patch_embed, images)
    batch = graph.node("Shape", images, start=0, end=1)
    shape = graph.node("Concat", batch, graph.integers((1, cell.num_features)), axis=0)
    cls_token = graph.node("Expand", graph.parameter(cell.cls_token), shape)  # (B, 1, C)
    x = graph.node("Concat", cls_token, patches, axis=1)  # (B, 1 + N, C)
    x = graph.node("Add", x, graph.parameter(cell.pos_embed))
    for inner in cell.blocks:
        x = graph.cell(inner, x)
    tokens = graph.cell(cell.norm, x)
    return tokens, graph.node("Gather", tokens, graph.integers(0), axis=1)


WRITERS: dict[type, Writer] = {
    PatchProjection: patch_projection,
    PatchEmbed: patch_embed,
    Attention: attention,
    Mlp: mlp,
    NoRecalibration: no_recalibration,
    PSRP: psrp,
    Block: block,
    VisionTransformer: vision_transformer,
}
