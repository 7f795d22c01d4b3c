"""PSRP, partially shared recalibration of a block's branch: the "+" of MP+."""

from __future__ import annotations

from collections.abc import Callable

from mindspore import Parameter, Tensor, nn, ops
from mindspore.common.initializer import Zero

from mindtune.errors import ConfigError, nearest
from mindtune.layers.linear import linear

INITS = ("zero", "authors")


class PSRP(nn.Cell):
    """``b + (1 + w) * branch``, w and b computed per token and channel from the block's input.

    ``r = relu(u U^T); w = r Vw^T; b = r Vb^T`` with U (width, C) shared between scale and shift and
    Vw, Vb (C, width), no biases: 3 * width * C parameters a block. u (..., C) is what the block
    gives: the un-normed residual stream in ViT, Swin and AS-MLP, the perceptron's output in
    ConvNeXt; branch (..., C) is the perceptron's output before drop path.
    Moment Probing (ICCV 2023), section 3.3.

    Args:
        dim: C.
        width: 16 for every C in the paper.
        init: ``zero`` sets Vw and Vb to zero, so tuning starts from the pre-trained function
            (default); ``authors`` starts all three as ``layer`` does, so an untrained MP+ already
            differs from its backbone, as in the authors' code: normal of std 0.02 in ViT, uniform
            in ConvNeXt and AS-MLP.
        layer: makes the three maps, of the kind that the block itself is made of.

    Raises:
        ConfigError: unknown ``init`` or a width below 1.
    """

    def __init__(
        self,
        dim: int,
        width: int = 16,
        init: str = "zero",
        layer: Callable[..., nn.Cell] = linear,
    ) -> None:
        super().__init__()
        self.dim, self.layer = dim, layer
        if init not in INITS:
            raise ConfigError(
                f"tuning.psrp.init: got {init!r}, expected a known one{nearest(init, INITS)}"
            )
        if width < 1:
            raise ConfigError(f"tuning.psrp.width: got {width}, expected at least 1")
        up_init = Zero() if init == "zero" else None
        self.down = layer(dim, width, bias=False)
        self.up_weight = layer(width, dim, bias=False, weight_init=up_init)
        self.up_bias = layer(width, dim, bias=False, weight_init=up_init)

    def construct(self, tokens: Tensor, branch: Tensor) -> Tensor:
        reduced = ops.relu(self.down(tokens))  # (..., width)
        return self.up_bias(reduced) + (1.0 + self.up_weight(reduced)) * branch


def add_psrp(backbone: nn.Cell, width: int = 16, init: str = "zero") -> list[Parameter]:
    """Fill the ``psrp`` slot of every block; the backbone itself is changed.

    Returns:
        The new parameters, which are what this tuning trains.

    Raises:
        ConfigError: a backbone whose blocks have no such slot.
    """
    blocks = list(backbone.blocks)
    if not all(hasattr(block, "psrp") for block in blocks):
        raise ConfigError(
            f"tuning psrp: {type(backbone).__name__} has blocks without a recalibration slot; "
            "use tuning linear or full, or another backbone"
        )
    for block in blocks:
        block.psrp = PSRP(block.psrp.dim, width, init, block.psrp.layer)
    return [p for block in blocks for p in block.psrp.get_parameters()]
