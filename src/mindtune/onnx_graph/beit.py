"""Writers of the ViTs with relative position biases."""

from __future__ import annotations

from mindspore import nn

from mindtune.backbones.beit import Beit, BeitBlock, RelativeViT, SharedBiasViT
from mindtune.layers.biased_attention import RelativePositionBias
from mindtune.onnx_graph.attention import attend, bias_of
from mindtune.onnx_graph.backbone import Backbone
from mindtune.onnx_graph.builder import END, GraphBuilder, Writer
from mindtune.onnx_graph.vit import features as normed_features
from mindtune.onnx_graph.vit import with_class_token


def relative_position_bias(graph: GraphBuilder, cell: RelativePositionBias) -> str:
    """The bias that all blocks share, (H, 1 + N, 1 + N)."""
    return bias_of(graph, graph.parameter(cell.relative_position_bias_table), cell.index)


def beit_block(graph: GraphBuilder, cell: BeitBlock, x: str, bias: str) -> str:
    """Pre-norm block with factors on its branches, (B, 1 + N, C) -> (B, 1 + N, C)."""
    branch = attend(graph, cell.attn, graph.cell(cell.norm1, x), bias)
    branch = graph.node("Mul", graph.parameter(cell.gamma_1), branch)
    x = graph.node("Add", x, graph.cell(cell.drop_path1, branch))
    branch = graph.cell(cell.psrp, x, graph.cell(cell.mlp, graph.cell(cell.norm2, x)))
    branch = graph.node("Mul", graph.parameter(cell.gamma_2), branch)
    return graph.node("Add", x, graph.cell(cell.drop_path2, branch))


def shared_bias_tokens(graph: GraphBuilder, cell: SharedBiasViT, images: str) -> str:
    """``forward_tokens`` with one bias for all blocks."""
    bias = graph.cell(cell.rel_pos_bias)
    return _tokens(graph, cell, images, [bias] * len(cell.blocks))


def own_bias_tokens(graph: GraphBuilder, cell: Beit, images: str) -> str:
    """``forward_tokens`` with a bias a block."""
    tables = [block.attn.relative_position_bias_table for block in cell.blocks]
    index = cell.blocks[0].attn.index
    biases = [bias_of(graph, graph.parameter(table), index) for table in tables]
    return _tokens(graph, cell, images, biases)


def mean_features(graph: GraphBuilder, cell: Beit, x: str) -> tuple[str, str]:
    """``features``: the tokens as they are, and the normed mean of the patches (B, C)."""
    bounds = (graph.integers((value,)) for value in (1, END, 1))
    mean = graph.node("ReduceMean", graph.node("Slice", x, *bounds), axes=(1,), keepdims=0)
    return x, graph.cell(cell.fc_norm, mean)


def _tokens(graph: GraphBuilder, cell: RelativeViT, images: str, biases: list[str]) -> str:
    patches = graph.cell(cell.patch_embed, images)
    x = with_class_token(graph, cell.cls_token, patches, images)
    for block, bias in zip(cell.blocks, biases):
        x = graph.cell(block, x, bias)
    return x


WRITERS: dict[type, Writer] = {
    RelativePositionBias: relative_position_bias,
    BeitBlock: beit_block,
}

BACKBONES: dict[type[nn.Cell], Backbone] = {
    SharedBiasViT: Backbone(shared_bias_tokens, normed_features),
    Beit: Backbone(own_bias_tokens, mean_features),
}
