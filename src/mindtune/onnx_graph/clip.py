"""Writers of CLIP's image towers."""

from __future__ import annotations

from mindtune.backbones.clip_transformer import QuickMlp, ResidualAttentionBlock, Transformer
from mindtune.backbones.clip_vit import CLIPVisionTransformer
from mindtune.layers.activations import QUICK, QuickGELU
from mindtune.onnx_graph.backbone import Backbone
from mindtune.onnx_graph.builder import GraphBuilder, Writer


def quick_gelu(graph: GraphBuilder, cell: QuickGELU, x: str) -> str:
    """``x sigmoid(1.702 x)``."""
    gate = graph.node("Sigmoid", graph.node("Mul", x, graph.number(QUICK)))
    return graph.node("Mul", x, gate)


def quick_mlp(graph: GraphBuilder, cell: QuickMlp, x: str) -> str:
    """Linear, QuickGELU, linear."""
    return graph.cell(cell.c_proj, graph.cell(cell.gelu, graph.cell(cell.c_fc, x)))


def block(graph: GraphBuilder, cell: ResidualAttentionBlock, x: str) -> str:
    """Pre-norm transformer block, (B, N, C) -> (B, N, C)."""
    branch = graph.cell(cell.attn, graph.cell(cell.ln_1, x))
    x = graph.node("Add", x, graph.cell(cell.drop_path1, branch))
    branch = graph.cell(cell.mlp, graph.cell(cell.ln_2, x))
    branch = graph.cell(cell.psrp, x, branch)
    return graph.node("Add", x, graph.cell(cell.drop_path2, branch))


def transformer(graph: GraphBuilder, cell: Transformer, x: str) -> str:
    """One block after the other."""
    for inner in cell.resblocks:
        x = graph.cell(inner, x)
    return x


def tokens_of_images(graph: GraphBuilder, cell: CLIPVisionTransformer, images: str) -> str:
    """``forward_tokens``: images (B, 3, S, S) -> tokens before ``ln_post`` (B, 1 + N, C)."""
    tower = cell.visual
    patches = graph.cell(tower.conv1, images)  # (B, N, C)
    batch = graph.node("Shape", images, start=0, end=1)
    shape = graph.node("Concat", batch, graph.integers((1, cell.num_features)), axis=0)
    token = graph.node("Expand", graph.parameter(tower.class_embedding), shape)  # (B, 1, C)
    x = graph.node("Concat", token, patches, axis=1)  # (B, 1 + N, C)
    x = graph.node("Add", x, graph.parameter(tower.positional_embedding))
    return graph.cell(tower.transformer, graph.cell(tower.ln_pre, x))


def features(graph: GraphBuilder, cell: CLIPVisionTransformer, x: str) -> tuple[str, str]:
    """``features``: normed tokens (B, 1 + N, C) and the class token (B, C)."""
    tokens = graph.cell(cell.visual.ln_post, x)
    return tokens, graph.node("Gather", tokens, graph.integers(0), axis=1)


WRITERS: dict[type, Writer] = {
    QuickGELU: quick_gelu,
    QuickMlp: quick_mlp,
    ResidualAttentionBlock: block,
    Transformer: transformer,
}

BACKBONES: dict[type, Backbone] = {CLIPVisionTransformer: Backbone(tokens_of_images, features)}
