"""A network that follows another one: the teacher of DINO, iBOT and SMKD."""

from __future__ import annotations

from collections.abc import Sequence

from mindspore import Parameter, ParameterTuple, Tensor, nn, ops

from mindtune.engine.scheduled import scheduled_scalar


class Follower(nn.Cell):
    """``t = m t + (1 - m) s`` for every pair (s, t), after each update.

    Computed as ``t + share (s - t)``: float32 holds a share of 1e-7 that it would lose in
    ``1 - share``.

    Args:
        pairs: parameters to follow and those that follow them.

    Attributes:
        share: ``1 - m``, set from a schedule before every update.
    """

    def __init__(self, pairs: Sequence[tuple[Parameter, Parameter]]) -> None:
        super().__init__(auto_prefix=False)
        self.leading = ParameterTuple([leading for leading, _ in pairs])
        self.following = ParameterTuple([following for _, following in pairs])
        self.share = scheduled_scalar("follower.share", 0.0)

    def construct(self) -> Tensor:
        for i in range(len(self.leading)):
            following = self.following[i]
            ops.assign(following, following + self.share * (self.leading[i] - following))
        return self.share * 1.0
