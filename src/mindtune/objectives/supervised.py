"""Cross-entropy against soft targets."""

from __future__ import annotations

from mindspore import Tensor, nn, ops
from mindspore import dtype as mstype


class SupervisedObjective(nn.Cell):
    """``loss = mean_b(-sum_k targets[b, k] log softmax(logits)[b, k])``.

    ``construct(images (B, 3, S, S), targets (B, K))`` returns the loss and its named terms, in the
    order of ``term_names``; the log-softmax is float32 whatever the network computes in.
    """

    term_names = ("cross_entropy",)

    def __init__(self, network: nn.Cell) -> None:
        super().__init__(auto_prefix=False)
        self.network = network

    def construct(self, images: Tensor, targets: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        logits = ops.cast(self.network(images), mstype.float32)  # (B, K)
        loss = ops.mean(-ops.sum(targets * ops.log_softmax(logits, axis=-1), dim=-1))
        return loss, (loss,)
