"""Limits on gradients: ``construct(gradients, norm) -> gradients``; the norm is that of all."""

from __future__ import annotations

from mindspore import Tensor, nn, ops
from mindspore import dtype as mstype

from mindtune.errors import ConfigError

_SPARE = 1e-6  # torch's, beside the norm


class ClipTogether(nn.Cell):
    """All gradients shrink alike where their global norm is above ``largest``."""

    def __init__(self, largest: float) -> None:
        super().__init__(auto_prefix=False)
        self.largest = largest

    def construct(self, gradients: tuple[Tensor, ...], norm: Tensor) -> tuple[Tensor, ...]:
        shrink = shrinkage(norm, self.largest)
        clipped: tuple[Tensor, ...] = ()
        for gradient in gradients:
            clipped += (gradient * shrink,)
        return clipped


class ClipEach(nn.Cell):
    """Each gradient shrinks where its own norm is above ``largest``, as DINO, iBOT and SMKD do."""

    def __init__(self, largest: float) -> None:
        super().__init__(auto_prefix=False)
        self.largest = largest

    def construct(self, gradients: tuple[Tensor, ...], norm: Tensor) -> tuple[Tensor, ...]:
        clipped: tuple[Tensor, ...] = ()
        for gradient in gradients:
            own = ops.sqrt(ops.sum(gradient * gradient))
            clipped += (gradient * shrinkage(own, self.largest),)
        return clipped


def shrinkage(norm: Tensor, largest: float) -> Tensor:
    """What brings a gradient of ``norm`` down to ``largest``; 1 where it is no longer."""
    return ops.minimum(largest / (norm + _SPARE), Tensor(1.0, mstype.float32))


def create_clipping(clip_norm: float | None, clip_each: float | None) -> nn.Cell | None:
    """The limit that the options name.

    Raises:
        ConfigError: both are given.
    """
    if clip_norm is not None and clip_each is not None:
        raise ConfigError(
            f"optim.clip_each: got {clip_each} beside clip_norm {clip_norm}, expected one of them"
        )
    if clip_norm is not None:
        return ClipTogether(clip_norm)
    return None if clip_each is None else ClipEach(clip_each)
