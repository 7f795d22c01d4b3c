"""Dense layers initialised explicitly."""

from __future__ import annotations

from mindspore import Tensor, nn, ops
from mindspore.common.initializer import Initializer, Normal, Uniform

from mindtune.ops.linear_map import linear_kernel
from mindtune.ops.two_paths import TwoPaths


class LinearMap(nn.Cell, TwoPaths):
    """``y = x W^T + b`` of x (..., in), W (out, in) and, with ``has_bias``, b (out,).

    It holds no parameters: what holds them calls it. On the CPU products are oneDNN's, called from
    a kernel: those of MindSpore's operators reach three quarters of its speed.
    """

    def __init__(self, has_bias: bool = True) -> None:
        super().__init__()
        self.has_bias = has_bias
        library = self.choose_product_path()
        if library is not None:
            self.kernel = linear_kernel(library, has_bias)

    def construct(self, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        if not self.uses_kernel:
            return ops.dense(x, weight, bias)
        if not self.has_bias:
            return self.kernel(x, weight)
        return self.kernel(x, weight, bias)


class Linear(nn.Dense):
    """``nn.Dense`` whose products are ``LinearMap``'s where those are compiled."""

    def __init__(self, in_channels: int, out_channels: int, **options: object) -> None:
        super().__init__(in_channels, out_channels, **options)
        self.linear_map = LinearMap(self.has_bias)

    def construct(self, x: Tensor) -> Tensor:
        if self.linear_map.uses_kernel:
            return self.linear_map(x, self.weight, self.bias)
        return super().construct(x)


def linear(
    in_channels: int,
    out_channels: int,
    bias: bool = True,
    weight_init: Initializer | str | None = None,
) -> Linear:
    """``y = x W^T + b`` with W (out, in) normal of std 0.02 and b zero, as ViT initialises it.

    The papers cut the normal at +-2.0 absolute, i.e. 100 standard deviations: no cut at all.
    """
    return Linear(
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
) -> Linear:
    """``linear`` with PyTorch's default start: W and b uniform in +-1 / sqrt(in)."""
    uniform = Uniform(in_channels**-0.5)
    return Linear(
        in_channels,
        out_channels,
        weight_init=uniform if weight_init is None else weight_init,
        bias_init=uniform,
        has_bias=bias,
    )
