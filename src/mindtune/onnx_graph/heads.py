"""Writers of the linear and the moment head."""

from __future__ import annotations

from mindspore import Tensor

from mindtune.heads.linear import LinearHead
from mindtune.heads.moment import MomentHead
from mindtune.onnx_graph.builder import GraphBuilder, Writer
from mindtune.onnx_graph.layers import dense
from mindtune.ops import COLUMN_EPS

_FLOAT32 = 1  # onnx.TensorProto.FLOAT, by number since onnx is an optional package
_END = 2**63 - 1  # Slice: up to the end of the axis


def linear_head(graph: GraphBuilder, cell: LinearHead, tokens: str, pooled: str) -> str:
    """Tokens (B, T, C) and pooled (B, C) -> logits (B, K)."""
    feature = pooled
    if cell.mean:
        patches = _from_token(graph, tokens, cell.first_patch)
        feature = graph.node("ReduceMean", patches, axes=(1,), keepdims=0)  # (B, C)
    return dense(graph, cell, feature)


def moment_head(graph: GraphBuilder, cell: MomentHead, tokens: str, pooled: str) -> str:
    """Tokens (B, T, C) and pooled (B, C) -> logits (B, K)."""
    heads = _heads(graph, cell, tokens)
    left = _chosen_heads(graph, heads, cell.left)  # (B, P, N, d)
    right = _chosen_heads(graph, heads, cell.right)  # (B, P, N, d)
    covariances = _normalise_columns(graph, _cross_covariance(graph, left, right))
    maps = graph.cell(cell.downblocks[0], covariances)  # (B, P, s, s)
    flat = graph.node("Flatten", maps, axis=1)  # (B, Pss)
    total = graph.node(
        "Add", graph.cell(cell.classifier1, pooled), graph.cell(cell.classifier2, flat)
    )
    return graph.node("Div", total, graph.number(2.0))


def _from_token(graph: GraphBuilder, tokens: str, first: int) -> str:
    """``tokens[:, first:]``."""
    start, end, axis = ((value,) for value in (first, _END, 1))
    return graph.node(
        "Slice", tokens, graph.integers(start), graph.integers(end), graph.integers(axis)
    )


def _heads(graph: GraphBuilder, cell: MomentHead, tokens: str) -> str:
    """``MomentHead.heads_of``: (B, T, C) -> (B, H, N, d)."""
    z = graph.cell(cell.proj, _from_token(graph, tokens, cell.first))  # (B, N, Hd)
    inner = (cell.head_dim, cell.num_heads) if cell.strided else (cell.num_heads, cell.head_dim)
    z = graph.node("Reshape", z, graph.integers((0, 0, *inner)))
    order = (0, 3, 1, 2) if cell.strided else (0, 2, 1, 3)
    heads = graph.cell(cell.ln, graph.node("Transpose", z, perm=order))  # (B, H, N, d)
    if cell.mean_axes:
        mean = graph.node("ReduceMean", heads, axes=cell.mean_axes, keepdims=1)
        heads = graph.node("Sub", heads, mean)
    return heads


def _chosen_heads(graph: GraphBuilder, heads: str, indices: Tensor) -> str:
    return graph.node("Gather", heads, graph.integers(indices.asnumpy().tolist()), axis=1)


def _cross_covariance(graph: GraphBuilder, x: str, y: str) -> str:
    """``x^T y / N``: twice (B, P, N, d) -> (B, P, d, d)."""
    by_channel = graph.node("Transpose", x, perm=(0, 1, 3, 2))  # (B, P, d, N)
    count = graph.node("Cast", graph.node("Shape", x, start=2, end=3), to=_FLOAT32)  # (1,)
    return graph.node("Div", graph.node("MatMul", by_channel, y), count)


def _normalise_columns(graph: GraphBuilder, c: str) -> str:
    """Columns of (B, P, d, d) over their L2 norm."""
    square = graph.node("Mul", c, c)
    square = graph.node("ReduceSum", square, graph.integers((-2,)), keepdims=1)  # (B, P, 1, d)
    clamped = graph.node("Max", square, graph.number(COLUMN_EPS**2))
    return graph.node("Div", c, graph.node("Sqrt", clamped))


WRITERS: dict[type, Writer] = {LinearHead: linear_head, MomentHead: moment_head}
