"""Writers of the kinds of attention."""

from __future__ import annotations

import numpy as np
from mindspore import Tensor, nn

from mindtune.layers.attention import Attention, NoKeyBiasAttention, SelfAttention
from mindtune.layers.biased_attention import BiasedAttention
from mindtune.layers.cosine_window_attention import (
    LARGEST_BIAS,
    LARGEST_LOG_SCALE,
    CosineWindowAttention,
)
from mindtune.layers.packed_attention import PackedAttention
from mindtune.layers.projection_update import NoUpdate
from mindtune.layers.unit_rows import SMALLEST_NORM
from mindtune.layers.window_attention import WindowAttention
from mindtune.onnx_graph.builder import GraphBuilder, Writer


def attention(graph: GraphBuilder, cell: Attention, x: str) -> str:
    """Self-attention, (B, N, C) -> (B, N, C)."""
    return self_attention(graph, cell, graph.cell(cell.qkv, x), cell.proj)


def packed_attention(graph: GraphBuilder, cell: PackedAttention, x: str) -> str:
    """Self-attention, (B, N, C) -> (B, N, C)."""
    weight = graph.node("Transpose", graph.parameter(cell.in_proj_weight), perm=(1, 0))  # (C, 3C)
    packed = graph.node("Add", graph.node("MatMul", x, weight), graph.parameter(cell.in_proj_bias))
    return self_attention(graph, cell, graph.cell(cell.lora, x, packed), cell.out_proj)


def self_attention(graph: GraphBuilder, cell: SelfAttention, packed: str, output: nn.Dense) -> str:
    """What tokens with queries, keys and values (B, N, 3C) find, projected: (B, N, D)."""
    q, k, v = _heads(graph, cell, packed)
    return _mix(graph, cell, _scaled_scores(graph, cell, q, k), v, output)


def no_update(graph: GraphBuilder, cell: NoUpdate, x: str, y: str) -> str:
    """The output of a linear map, unchanged."""
    return y


def window_attention(graph: GraphBuilder, cell: WindowAttention, x: str) -> str:
    """Windows (B * nW, N, C) -> (B * nW, N, C)."""
    q, k, v = _heads(graph, cell, graph.cell(cell.qkv, x))
    bias = bias_of(graph, graph.parameter(cell.relative_position_bias_table), cell.index)
    bias = graph.node("Add", bias, graph.floats(cell.mask.asnumpy()))  # (nW or 1, H, N, N)
    scores = _biased(graph, cell, _scaled_scores(graph, cell, q, k), bias, cell.mask.shape)
    return _mix(graph, cell, scores, v, cell.proj)


def cosine_window_attention(graph: GraphBuilder, cell: CosineWindowAttention, x: str) -> str:
    """Windows (B * nW, N, C) -> (B * nW, N, C)."""
    q, k, v = _heads(graph, cell, packed_without_key_bias(graph, cell, x))
    cosine = graph.node("MatMul", _unit(graph, q, -1), _unit(graph, k, -2))
    largest = graph.number(LARGEST_LOG_SCALE)
    scale = graph.node("Exp", graph.node("Min", graph.parameter(cell.logit_scale), largest))
    table = graph.cell(cell.cpb_mlp, graph.floats(cell.offsets.asnumpy()))  # (R, H)
    bias = graph.node("Sigmoid", bias_of(graph, table, cell.index))
    bias = graph.node("Mul", bias, graph.number(LARGEST_BIAS))
    bias = graph.node("Add", bias, graph.floats(cell.mask.asnumpy()))  # (nW or 1, H, N, N)
    scores = _biased(graph, cell, graph.node("Mul", cosine, scale), bias, cell.mask.shape)
    return _mix(graph, cell, scores, v, cell.proj)


def attend(graph: GraphBuilder, cell: BiasedAttention, x: str, bias: str) -> str:
    """``BiasedAttention.attend``: tokens (B, N, C) and bias (H, N, N) -> (B, N, C)."""
    q, k, v = _heads(graph, cell, packed_without_key_bias(graph, cell, x))
    scores = graph.node("Add", _scaled_scores(graph, cell, q, k), bias)
    return _mix(graph, cell, scores, v, cell.proj)


def packed_without_key_bias(graph: GraphBuilder, cell: NoKeyBiasAttention, x: str) -> str:
    """Queries, keys and values side by side, (B, N, 3C)."""
    zeros = graph.floats(np.zeros(cell.dim))
    parts = (graph.parameter(cell.q_bias), zeros, graph.parameter(cell.v_bias))
    return graph.node("Add", graph.cell(cell.qkv, x), graph.node("Concat", *parts, axis=0))


def bias_of(graph: GraphBuilder, table: str, index: Tensor) -> str:
    """Biases (H, N, N) from a table (R, H) and the rows (N, N)."""
    chosen = graph.node("Gather", table, graph.integers(index.asnumpy()), axis=0)  # (N, N, H)
    return graph.node("Transpose", chosen, perm=(2, 0, 1))


def _heads(graph: GraphBuilder, cell: SelfAttention, packed: str) -> list[str]:
    """Queries (B, H, N, d), keys (B, H, d, N) and values (B, H, N, d)."""
    sizes = graph.integers((cell.dim,) * 3)
    heads = graph.integers((0, 0, cell.num_heads, cell.head_dim))
    parts = graph.split_node("Split", 3, packed, sizes, axis=-1)
    orders = ((0, 2, 1, 3), (0, 2, 3, 1), (0, 2, 1, 3))
    return [
        graph.node("Transpose", graph.node("Reshape", part, heads), perm=order)
        for part, order in zip(parts, orders)
    ]


def _scaled_scores(graph: GraphBuilder, cell: SelfAttention, q: str, k: str) -> str:
    return graph.node("MatMul", graph.node("Mul", q, graph.number(cell.scale)), k)


def _biased(
    graph: GraphBuilder, cell: Attention, scores: str, bias: str, mask_shape: tuple[int, ...]
) -> str:
    """Scores (B * nW, H, N, N) plus the bias (nW or 1, H, N, N) of each window."""
    windows, _, n, _ = mask_shape
    by_image = graph.integers((-1, windows, cell.num_heads, n, n))
    scores = graph.node("Add", graph.node("Reshape", scores, by_image), bias)
    return graph.node("Reshape", scores, graph.integers((-1, cell.num_heads, n, n)))


def _unit(graph: GraphBuilder, x: str, axis: int) -> str:
    """``x`` of length 1 along ``axis``."""
    square = graph.node("ReduceSum", graph.node("Mul", x, x), graph.integers((axis,)), keepdims=1)
    clamped = graph.node("Max", square, graph.number(SMALLEST_NORM**2))
    return graph.node("Div", x, graph.node("Sqrt", clamped))


def _mix(graph: GraphBuilder, cell: SelfAttention, scores: str, v: str, output: nn.Dense) -> str:
    """Values averaged by the softmax of the scores and projected, (B, N, C)."""
    weights = graph.node("Softmax", scores, axis=-1)  # (B, H, N, N)
    mixed = graph.node("MatMul", weights, v)  # (B, H, N, d)
    mixed = graph.node("Transpose", mixed, perm=(0, 2, 1, 3))  # (B, N, H, d)
    mixed = graph.node("Reshape", mixed, graph.integers((0, 0, cell.dim)))  # (B, N, C)
    return graph.cell(output, mixed)


WRITERS: dict[type, Writer] = {
    Attention: attention,
    PackedAttention: packed_attention,
    NoUpdate: no_update,
    WindowAttention: window_attention,
    CosineWindowAttention: cosine_window_attention,
}
