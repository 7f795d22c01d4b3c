"""Writers of the heads."""

from __future__ import annotations

from mindspore import Tensor

from mindtune.heads.linear import ClassifierHead, FirstOrderFeature, LinearHead
from mindtune.heads.moment import MomentHead
from mindtune.heads.moment_isqrt import IsqrtMomentHead
from mindtune.heads.normed_linear import NormedLinearHead
from mindtune.heads.shrinking import ShrinkingBlock
from mindtune.layers.batch_norm import FEATURE_EPS
from mindtune.onnx_graph.builder import END, GraphBuilder, Writer
from mindtune.onnx_graph.layers import dense, sequential
from mindtune.ops import COLUMN_EPS, SquareRootCovariance

_FLOAT32 = 1  # onnx.TensorProto.FLOAT, by number since onnx is an optional package


def linear_head(graph: GraphBuilder, cell: LinearHead, tokens: str, pooled: str) -> str:
    """Tokens (B, T, C) and pooled (B, C) -> logits (B, K)."""
    return dense(graph, cell, _feature(graph, cell.feature, tokens, pooled))


def normed_linear_head(
    graph: GraphBuilder, cell: NormedLinearHead, tokens: str, pooled: str
) -> str:
    """Tokens (B, T, C) and pooled (B, C) -> logits (B, K)."""
    norm, layer = cell[0], cell[1]
    feature = _feature(graph, cell.feature, tokens, pooled)
    centred = graph.node("Sub", feature, graph.parameter(norm.running_mean))
    variance = graph.node("Add", graph.parameter(norm.running_var), graph.number(FEATURE_EPS))
    return dense(graph, layer, graph.node("Div", centred, graph.node("Sqrt", variance)))


def _feature(graph: GraphBuilder, cell: FirstOrderFeature, tokens: str, pooled: str) -> str:
    """What a linear head reads, (B, C)."""
    if not cell.mean:
        return pooled
    patches = _from_token(graph, tokens, cell.first_patch)
    return graph.node("ReduceMean", patches, axes=(1,), keepdims=0)


def classifier_head(graph: GraphBuilder, cell: ClassifierHead, tokens: str, pooled: str) -> str:
    """Tokens (B, T, C) and pooled (B, C) -> logits (B, K)."""
    return graph.cell(cell.fc, tokens, pooled)


def moment_head(graph: GraphBuilder, cell: MomentHead, tokens: str, pooled: str) -> str:
    """Tokens (B, T, C) and pooled (B, C) -> logits (B, K)."""
    covariances = _pooling(graph, cell, tokens)
    maps = graph.cell(cell.downblocks[0], covariances)  # (B, P, s, s)
    return _mean_logits(graph, cell, pooled, graph.node("Flatten", maps, axis=1))  # (B, Pss)


def isqrt_moment_head(graph: GraphBuilder, cell: IsqrtMomentHead, tokens: str, pooled: str) -> str:
    """Tokens (B, T, C) and pooled (B, C) -> logits (B, K)."""
    projected = graph.cell(cell.proj, _from_token(graph, tokens, cell.first))  # (B, N, d)
    return _mean_logits(graph, cell, pooled, graph.cell(cell.pooling, projected))


def _mean_logits(
    graph: GraphBuilder, cell: MomentHead | IsqrtMomentHead, pooled: str, second: str
) -> str:
    """Of ``classifier1`` on the first moment and ``classifier2`` on the second."""
    first = graph.cell(cell.classifier1, pooled)
    total = graph.node("Add", first, graph.cell(cell.classifier2, second))
    return graph.node("Div", total, graph.number(2.0))


def _from_token(graph: GraphBuilder, tokens: str, first: int) -> str:
    """``tokens[:, first:]``."""
    start, end, axis = ((value,) for value in (first, END, 1))
    return graph.node(
        "Slice", tokens, graph.integers(start), graph.integers(end), graph.integers(axis)
    )


def _pooling(graph: GraphBuilder, cell: MomentHead, tokens: str) -> str:
    """The composed path of ``MomentPooling``: (B, T, C) -> (B, P, d, d)."""
    pooling, (dim,) = cell.pooling, cell.ln.weight.shape
    z = graph.cell(cell.proj, _from_token(graph, tokens, cell.first))  # (B, N, Hd)
    inner = (dim, pooling.num_heads) if pooling.strided else (pooling.num_heads, dim)
    z = graph.node("Reshape", z, graph.integers((0, 0, *inner)))
    order = (0, 3, 1, 2) if pooling.strided else (0, 2, 1, 3)
    heads = graph.cell(cell.ln, graph.node("Transpose", z, perm=order))  # (B, H, N, d)
    if pooling.mean_axes:
        mean = graph.node("ReduceMean", heads, axes=pooling.mean_axes, keepdims=1)
        heads = graph.node("Sub", heads, mean)
    left = _chosen_heads(graph, heads, pooling.left)  # (B, P, N, d)
    right = _chosen_heads(graph, heads, pooling.right)  # (B, P, N, d)
    return _normalise_columns(graph, _cross_covariance(graph, left, right))


def _chosen_heads(graph: GraphBuilder, heads: str, indices: Tensor) -> str:
    return graph.node("Gather", heads, graph.integers(indices.asnumpy().tolist()), axis=1)


def _cross_covariance(graph: GraphBuilder, x: str, y: str) -> str:
    """``x^T y / N``: twice (B, P, N, d) -> (B, P, d, d)."""
    by_channel = graph.node("Transpose", x, perm=(0, 1, 3, 2))  # (B, P, d, N)
    return graph.node("Div", graph.node("MatMul", by_channel, y), _size(graph, x, 2))


def _size(graph: GraphBuilder, value: str, axis: int) -> str:
    """How long ``value`` is along ``axis``, as float32 (1,)."""
    return graph.node("Cast", graph.node("Shape", value, start=axis, end=axis + 1), to=_FLOAT32)


def _normalise_columns(graph: GraphBuilder, c: str) -> str:
    """Columns of (B, P, d, d) over their L2 norm."""
    square = graph.node("Mul", c, c)
    square = graph.node("ReduceSum", square, graph.integers((-2,)), keepdims=1)  # (B, P, 1, d)
    clamped = graph.node("Max", square, graph.number(COLUMN_EPS**2))
    return graph.node("Div", c, graph.node("Sqrt", clamped))


def square_root_covariance(graph: GraphBuilder, cell: SquareRootCovariance, tokens: str) -> str:
    """Tokens (B, N, d) -> triangle (B, d (d + 1) / 2)."""
    mean = graph.node("ReduceMean", tokens, axes=(1,), keepdims=1)
    centred = graph.node("Sub", tokens, mean)
    by_channel = graph.node("Transpose", centred, perm=(0, 2, 1))  # (B, d, N)
    covariance = graph.node("MatMul", by_channel, centred)
    covariance = graph.node("Div", covariance, _size(graph, tokens, 1))  # (B, d, d)
    flat = graph.node("Flatten", _root(graph, cell, covariance), axis=1)  # (B, d d)
    entries = cell.triangle.asnumpy().tolist()
    return graph.node("Gather", flat, graph.integers(entries), axis=1)


def _root(graph: GraphBuilder, cell: SquareRootCovariance, covariance: str) -> str:
    """``SquareRootCovariance.root_of``: symmetric (B, d, d) -> (B, d, d)."""
    shape = graph.integers((cell.dim, cell.dim))
    identity = graph.node("EyeLike", graph.node("ConstantOfShape", shape))
    threefold = graph.node("Mul", identity, graph.number(1.5))

    def correction(product: str) -> str:
        return graph.node("Sub", threefold, graph.node("Mul", product, graph.number(0.5)))

    diagonal = graph.node("Mul", covariance, identity)
    trace = graph.node("ReduceSum", diagonal, graph.integers((1, 2)), keepdims=1)  # (B, 1, 1)
    y = graph.node("Div", covariance, trace)
    z = correction(y)
    y = graph.node("MatMul", y, z)
    for step in range(1, cell.iterations):
        t = correction(graph.node("MatMul", z, y))
        y = graph.node("MatMul", y, t)
        if step + 1 < cell.iterations:
            z = graph.node("MatMul", t, z)
    return graph.node("Mul", y, graph.node("Sqrt", trace))


WRITERS: dict[type, Writer] = {
    LinearHead: linear_head,
    ClassifierHead: classifier_head,
    NormedLinearHead: normed_linear_head,
    MomentHead: moment_head,
    ShrinkingBlock: sequential,
    IsqrtMomentHead: isqrt_moment_head,
    SquareRootCovariance: square_root_covariance,
}
