"""Writers of the Vision Transformer and of its recalibration slot."""

from __future__ import annotations

from mindspore import Parameter, nn

from mindtune.backbones.multi_crop_vit import MultiCropViT
from mindtune.backbones.vit import Block, VisionTransformer
from mindtune.layers.layer_scale import LayerScale
from mindtune.layers.mlp import Mlp
from mindtune.layers.patch_embed import NormedPatchEmbed, PatchEmbed, PatchProjection
from mindtune.layers.recalibration import NoRecalibration
from mindtune.onnx_graph.backbone import Backbone
from mindtune.onnx_graph.builder import GraphBuilder, Writer
from mindtune.tuning.psrp import PSRP


def patch_projection(graph: GraphBuilder, cell: PatchProjection, images: str) -> str:
    """Images (B, 3, S, S) -> patches (B, N, C), here as the convolution which it is."""
    stride = (cell.patch_size, cell.patch_size)
    parameters = [cell.weight, cell.bias] if cell.has_bias else [cell.weight]
    values = map(graph.parameter, parameters)
    x = graph.node("Conv", images, *values, strides=stride)  # (B, C, rows, columns)
    x = graph.node("Reshape", x, graph.integers((0, 0, -1)))  # (B, C, N)
    return graph.node("Transpose", x, perm=(0, 2, 1))  # (B, N, C)


def patch_embed(graph: GraphBuilder, cell: PatchEmbed, images: str) -> str:
    """Images (B, 3, S, S) -> patches (B, N, C)."""
    return graph.cell(cell.proj, images)


def normed_patch_embed(graph: GraphBuilder, cell: NormedPatchEmbed, images: str) -> str:
    """Images (B, 3, S, S) -> normed patches (B, N, C)."""
    return graph.cell(cell.norm, graph.cell(cell.proj, images))


def layer_scale(graph: GraphBuilder, cell: LayerScale, branch: str) -> str:
    """A factor a channel."""
    return graph.node("Mul", branch, graph.parameter(cell.gamma))


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
    branch = graph.cell(cell.ls1, graph.cell(cell.attn, graph.cell(cell.norm1, x)))
    x = graph.node("Add", x, graph.cell(cell.drop_path1, branch))
    branch = graph.cell(cell.mlp, graph.cell(cell.norm2, x))
    branch = graph.cell(cell.ls2, graph.cell(cell.psrp, x, branch))
    return graph.node("Add", x, graph.cell(cell.drop_path2, branch))


def tokens_of_images(graph: GraphBuilder, cell: VisionTransformer, images: str) -> str:
    """``forward_tokens``: images (B, 3, S, S) -> tokens before the final norm (B, 1 + N, C)."""
    patches = graph.cell(cell.patch_embed, images)
    x = with_class_token(graph, cell.cls_token, patches, images)
    x = graph.node("Add", x, graph.parameter(cell.pos_embed))
    for inner in cell.blocks:
        x = graph.cell(inner, x)
    return x


def with_class_token(graph: GraphBuilder, token: Parameter, patches: str, images: str) -> str:
    """Patches (B, N, C) with the class token (1, 1, C) before them."""
    batch = graph.node("Shape", images, start=0, end=1)
    shape = graph.node("Concat", batch, graph.integers(token.shape[1:]), axis=0)
    return graph.node(
        "Concat", graph.node("Expand", graph.parameter(token), shape), patches, axis=1
    )


def features(graph: GraphBuilder, cell: VisionTransformer, x: str) -> tuple[str, str]:
    """``features``: normed tokens (B, 1 + N, C) and the class token (B, C)."""
    tokens = graph.cell(cell.norm, x)
    return tokens, graph.node("Gather", tokens, graph.integers(0), axis=1)


WRITERS: dict[type, Writer] = {
    PatchProjection: patch_projection,
    PatchEmbed: patch_embed,
    NormedPatchEmbed: normed_patch_embed,
    LayerScale: layer_scale,
    Mlp: mlp,
    NoRecalibration: no_recalibration,
    PSRP: psrp,
    Block: block,
}

BACKBONES: dict[type[nn.Cell], Backbone] = {
    VisionTransformer: Backbone(tokens_of_images, features),
    MultiCropViT: Backbone(tokens_of_images, features),  # for images of its own size
}
