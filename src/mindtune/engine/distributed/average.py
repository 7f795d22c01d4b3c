"""Mean of gradients over ranks, inside the graph, in a few large messages."""

from __future__ import annotations

from collections.abc import Sequence

from mindspore import Tensor, nn, ops

Tensors = tuple[Tensor, ...]


class OwnValues(nn.Cell):
    """The mean over one rank: what comes in."""

    def construct(self, tensors: Tensors) -> Tensors:
        return tensors


class MeanOverRanks(nn.Cell):
    """Mean of float32 tensors over all ranks, the same bits on each.

    Tensors are joined to messages from the last to the first, the order in which backward makes
    gradients, so that a device that overlaps can send the first message early. An overflow on one
    rank reaches all: infinities stay infinite or become NaN in the sum.

    Args:
        shapes: of the tensors that ``construct`` will get.
        ranks: how many share.
        message_bytes: of one message, at least one tensor.
    """

    def __init__(self, shapes: Sequence[tuple[int, ...]], ranks: int, message_bytes: int) -> None:
        super().__init__(auto_prefix=False)
        self.shapes = tuple(tuple(shape) for shape in shapes)
        self.sizes = tuple(_size(shape) for shape in self.shapes)
        self.messages = plan_messages(self.sizes, message_bytes // 4)
        self.share = 1.0 / ranks
        self.all_reduce = ops.AllReduce(ops.ReduceOp.SUM)

    def construct(self, tensors: Tensors) -> Tensors:
        averaged: Tensors = ()
        for first, end in self.messages:
            joined: Tensors = ()
            for i in range(first, end):
                joined += (tensors[i].reshape((self.sizes[i],)),)
            mean = self.all_reduce(ops.concat(joined)) * self.share
            start = 0
            parts: Tensors = ()
            for i in range(first, end):
                parts += (mean[start : start + self.sizes[i]].reshape(self.shapes[i]),)
                start += self.sizes[i]
            averaged = parts + averaged
        return averaged


def plan_messages(sizes: Sequence[int], largest: int) -> tuple[tuple[int, int], ...]:
    """Ranges (first, end) of neighbouring tensors of at most ``largest`` elements, last first."""
    messages = []
    end = first = len(sizes)
    total = 0
    while first > 0:
        size = sizes[first - 1]
        if total and total + size > largest:
            messages.append((first, end))
            end, total = first, 0
        total += size
        first -= 1
    if end > 0:
        messages.append((0, end))
    return tuple(messages)


def _size(shape: tuple[int, ...]) -> int:
    size = 1
    for side in shape:
        size *= side
    return size
