"""Dense layers initialised explicitly."""

from __future__ import annotations

from mindspore import nn
from mindspore.common.initializer import Initializer, Normal, Uniform


def linear(
    in_channels: int,
    out_channels: int,
    bias: bool = True,
    weight_init: Initializer | str | None = None,
) -> nn.Dense:
    """``y = x W^T + b`` with W (out, in) normal of std 0.02 and b zero, as ViT initialises it.

    The papers cut the normal at +-2.0 absolute, i.e. 100 standard deviations: no cut at all.
    """
    return nn.Dense(
        in_channels,
        out_channels,
        weight_init=Normal(0.02) if weight_init is None else weight_init,
        bias_init="zeros",
        has_bias=bias,
    )


def fan_in_linear(
    in_channels: int,
    out_channels: int,
    bias: bool = True,
    weight_init: Initializer | str | None = None,
) -> nn.Dense:
    """``linear`` with PyTorch's default start: W and b uniform in +-1 / sqrt(in)."""
    uniform = Uniform(in_channels**-0.5)
    return nn.Dense(
        in_channels,
        out_channels,
        weight_init=uniform if weight_init is None else weight_init,
        bias_init=uniform,
        has_bias=bias,
    )
