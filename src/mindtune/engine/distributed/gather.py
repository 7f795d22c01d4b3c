"""Crops of all ranks side by side, inside the graph."""

from __future__ import annotations

from mindspore import Tensor, nn, ops


class GatherCrops(nn.Cell):
    """Two crops of B images, crop-major (2B, ...), of every rank -> (2A, ...), A = ranks * B.

    For what no gradient flows to: MindSpore's would need ReduceScatter, which CPUs have not.
    """

    def __init__(self) -> None:
        super().__init__(auto_prefix=False)
        self.all_gather = ops.AllGather()

    def construct(self, crops: Tensor) -> Tensor:
        gathered = self.all_gather(crops)  # (ranks * 2B, ...)
        rest = crops.shape[1:]
        by_rank = gathered.reshape(-1, 2, crops.shape[0] // 2, *rest)  # (ranks, 2, B, ...)
        order = (1, 0, *range(2, 3 + len(rest)))
        return ops.transpose(by_rank, order).reshape(-1, *rest)  # (2A, ...)

    def bprop(self, crops: Tensor, out: Tensor, dout: Tensor) -> tuple[Tensor]:
        return (ops.zeros_like(crops),)
