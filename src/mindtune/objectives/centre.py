"""What DINO's teacher subtracts from its logits so that no prototype takes them all."""

from __future__ import annotations

from mindspore import Parameter, Tensor, ops
from mindspore.common.initializer import initializer

from mindtune.layers.moving import MovingCell


class Centre(MovingCell):
    """``value`` (1, K), moved a tenth of the way to the batch's mean logits after every loss.

    Args:
        name: of its parameter in a checkpoint.
        count: K.
        momentum: share of the old value.
    """

    def __init__(self, name: str, count: int, momentum: float = 0.9) -> None:
        super().__init__(auto_prefix=False)
        zeros = initializer("zeros", (1, count))
        self.value = Parameter(zeros, name=name, requires_grad=False)
        self.momentum = momentum

    def construct(self, mean: Tensor) -> None:
        moved = self.momentum * self.value + (1.0 - self.momentum) * ops.stop_gradient(mean)
        ops.assign(self.value, moved)

    def moving(self) -> list[Parameter]:
        return [self.value]
