"""The operators that a ViT is made of, and the work that each cannot do without."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from mindspore import Tensor, nn, ops
from second_order.operation_counts import BYTES, Counts


@dataclass(frozen=True)
class Part:
    """An operator of the network and one of its inputs.

    Attributes:
        count: how often a forward pass runs it.
        forward, backward: the work of one run; None where there is nothing to run.
        by_input: whether anybody wants the gradient of its input.
        by_output: whether the backward pass reads what the forward pass found, so that the graph of
            the gradients holds both.
    """

    name: str
    count: int
    cell: nn.Cell
    inputs: tuple[Tensor, ...]
    forward: Counts
    backward: Counts | None
    by_input: bool = True
    by_output: bool = False


class Attention(nn.Cell):
    """What is between the two projections of an attention layer."""

    def __init__(self, layer: nn.Cell) -> None:
        super().__init__()
        self.attention = layer.attention
        self.scales = layer.scales

    def construct(self, qkv: Tensor) -> Tensor:
        return self.attention(qkv, self.scales)


class Sum(nn.Cell):
    """A residual connection."""

    def construct(self, x: Tensor, branch: Tensor) -> Tensor:
        return x + branch


def parts_of(network: nn.Cell, images: Tensor) -> list[Part]:
    """Those of a classifier with a ViT and a linear head, on a batch of ``images``."""
    backbone, block = network.backbone, network.backbone.blocks[0]
    depth, batch = len(backbone.blocks), images.shape[0]
    tokens, dim = 1 + backbone.patch_embed.num_patches, backbone.num_features
    hidden, rows = block.mlp.fc1.weight.shape[0], batch * tokens
    x, wide = _numbers(batch, tokens, dim), _numbers(batch, tokens, hidden)
    qkv = _numbers(batch, tokens, 3 * dim)
    patches = batch * backbone.patch_embed.num_patches
    return [
        Part("patch embedding", 1, backbone.patch_embed, (images,),
             *_linear(patches, images.size // patches, dim, by_input=False), by_input=False),
        Part("LayerNorm", 2 * depth + 1, block.norm1, (x,), *_moves(rows * dim, 2, 3),
             by_output=True),
        Part("qkv", depth, block.attn.qkv, (x,), *_linear(rows, dim, 3 * dim)),
        Part("attention", depth, Attention(block.attn), (qkv,), *_attention(batch, tokens, dim),
             by_output=True),
        Part("projection", depth, block.attn.proj, (x,), *_linear(rows, dim, dim)),
        Part("fc1", depth, block.mlp.fc1, (x,), *_linear(rows, dim, hidden)),
        Part("GELU", depth, block.mlp.act, (wide,), *_moves(rows * hidden, 2, 3)),
        Part("fc2", depth, block.mlp.fc2, (wide,), *_linear(rows, hidden, dim)),
        Part("residual sum", 2 * depth, Sum(), (x, x), _moves(rows * dim, 3, 0)[0], None),
    ]  # fmt: skip


def call_of(part: Part, backward: bool) -> Callable[[], object]:
    """A forward pass, or the gradients of all inputs and weights."""
    if not backward:
        return lambda: part.cell(*part.inputs).asnumpy()
    network = Differentiated(part.cell, part.cell.trainable_params(), part.by_input)
    dout = ops.ones_like(part.cell(*part.inputs))
    return lambda: _read(network(dout, *part.inputs))


class Differentiated(nn.Cell):
    """Gradients of a Cell by its weights and, where asked for, its first input."""

    def __init__(self, cell: nn.Cell, weights: list, by_input: bool) -> None:
        super().__init__(auto_prefix=False)
        self.differentiate = ops.GradOperation(
            get_all=by_input, get_by_list=bool(weights), sens_param=True
        )
        self.cell, self.weights = cell, weights

    def construct(self, dout: Tensor, *inputs: Tensor) -> tuple:
        if self.weights:
            return self.differentiate(self.cell, self.weights)(*inputs, dout)
        return self.differentiate(self.cell)(*inputs, dout)


def _read(found: object) -> None:
    """Wait for a result: graphs run on while Python does."""
    while isinstance(found, (tuple, list)):
        found = found[0]
    if isinstance(found, Tensor):
        found.asnumpy()


def _numbers(*shape: int) -> Tensor:
    return Tensor(np.random.default_rng(0).standard_normal(shape, np.float32))


def _moves(count: int, forward: int, backward: int) -> tuple[Counts, Counts]:
    """Arithmetic on ``count`` numbers that reads and writes so many arrays of them."""
    return Counts(0, BYTES * count * forward), Counts(0, BYTES * count * backward)


def _linear(rows: int, into: int, out: int, by_input: bool = True) -> tuple[Counts, Counts]:
    product, x, y, weight = 2 * rows * into * out, rows * into, rows * out, into * out
    gradients = 2 if by_input else 1
    moved = x + y + weight + (x + weight if by_input else 0) + weight
    return Counts(product, BYTES * (x + y + weight)), Counts(gradients * product, BYTES * moved)


def _attention(batch: int, tokens: int, dim: int) -> tuple[Counts, Counts]:
    """Backward makes the scores again: five products for the two of forward."""
    product, x = 2 * batch * tokens**2 * dim, batch * tokens * dim
    return Counts(2 * product, BYTES * 4 * x), Counts(5 * product, BYTES * 8 * x)
