"""Convolution of maps whose channels come last, as products of gathered windows and weights."""

from __future__ import annotations

import numpy as np
from mindspore import Parameter, Tensor, nn, ops
from mindspore.common.initializer import HeNormal, Initializer, Uniform, initializer

from mindtune.layers.channel_map import add_to_channels
from mindtune.layers.linear import LinearMap
from mindtune.layers.permute import Permute
from mindtune.ops.convolution import convolution_kernel, geometry_of
from mindtune.ops.two_paths import TwoPaths


def _taps(side: int, kernel: int, stride: int, padding: int) -> np.ndarray:
    """Input position of every tap of every output position, (out, kernel); may lie outside."""
    out = (side + 2 * padding - kernel) // stride + 1
    return stride * np.arange(out)[:, None] - padding + np.arange(kernel)  # (out, kernel)


def window_indices(
    height: int, width: int, kernel: int, stride: int, padding: int
) -> tuple[np.ndarray, int, int]:
    """Which pixels a convolution reads, row by row: flat indices (rows * columns * kernel^2,).

    Pixels outside the map have the index ``height * width``.

    Returns:
        The indices, and the rows and columns of the output.
    """
    y = _taps(height, kernel, stride, padding)[:, None, :, None]  # (rows, 1, k, 1)
    x = _taps(width, kernel, stride, padding)[None, :, None, :]  # (1, columns, 1, k)
    inside = (y >= 0) & (y < height) & (x >= 0) & (x < width)
    flat = np.where(inside, y * width + x, height * width)  # (rows, columns, k, k)
    return flat.reshape(-1).astype(np.int32), flat.shape[0], flat.shape[1]


def gather_windows(maps: Tensor, kernel: int, stride: int, padding: int) -> Tensor:
    """What each output pixel of a convolution sees, (B, H, W, C) -> (B, H', W', k^2 C).

    Pixels outside the map are zeros. H and W must be known when the graph is built; B need not.
    """
    _, height, width, c = maps.shape
    indices, rows, columns = window_indices(height, width, kernel, stride, padding)
    pixels = maps.reshape(-1, height * width, c)  # (B, HW, C)
    if padding > 0:
        pixels = ops.concat((pixels, ops.zeros_like(pixels[:, :1])), 1)  # (B, HW + 1, C)
    seen = ops.gather(pixels, Tensor(indices), 1)  # (B, H'W'kk, C)
    return seen.reshape(-1, rows, columns, kernel * kernel * c)


class ChannelsLastConv(nn.Cell, TwoPaths):
    """2-D convolution, maps (B, H, W, C) -> (B, H', W', O), under a convolution's parameters.

    ``weight`` (O, C, k, k) and ``bias`` (O,) are laid out as in PyTorch. Every window is gathered
    into a row and multiplied with the weights: MindSpore's CPU convolution takes 100 to 200 times
    as long forward (3 x 3 and 7 x 7), and gather and product exist on every device. The price is
    memory for the rows, k^2 / stride^2 times the input; the compiled form holds a few rows only.

    Args:
        in_channels: C.
        out_channels: O.
        kernel: k.
        stride: of both axes.
        padding: zeros on each side.
        bias: whether there is one.
        weight_init: default: uniform in +-1 / sqrt(fan_in), as PyTorch initialises it.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int = 1,
        stride: int = 1,
        padding: int = 0,
        bias: bool = True,
        weight_init: Initializer | str | None = None,
    ) -> None:
        super().__init__()
        self.kernel, self.stride, self.padding = kernel, stride, padding
        self.has_bias = bias
        shape = (out_channels, in_channels, kernel, kernel)
        uniform = Uniform((in_channels * kernel * kernel) ** -0.5)
        weight = initializer(uniform if weight_init is None else weight_init, shape)
        self.weight = Parameter(weight, name="weight")
        if bias:
            start = uniform if weight_init is None else "zeros"
            self.bias = Parameter(initializer(start, (out_channels,)), name="bias")
        self.channels_last = Permute(0, 2, 3, 1)
        self.linear_map = LinearMap(bias)
        self.is_pointwise = kernel == 1 and stride == 1
        library = self.choose_product_path()
        if library is not None:
            self.convolve = convolution_kernel(library)
            self.geometry = geometry_of(kernel, stride, padding)

    def construct(self, maps: Tensor) -> Tensor:
        weight = ops.cast(self.weight, maps.dtype)
        bias = ops.cast(self.bias, maps.dtype) if self.has_bias else None
        if self.is_pointwise:
            return self.product(maps, weight, bias)
        weight = self.channels_last(weight)  # (O, k, k, C)
        if self.uses_kernel:
            y = self.convolve(maps, weight, self.geometry)  # (B, H', W', O)
            return y if bias is None else add_to_channels(y, bias)
        windows = gather_windows(maps, self.kernel, self.stride, self.padding)
        return self.product(windows, weight, bias)

    def product(self, rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Windows (B, H', W', kkC) times weight (O, kkC), of any shape, plus the bias."""
        return self.linear_map(rows, weight.reshape(weight.shape[0], -1), bias)


def pointwise(
    in_channels: int,
    out_channels: int,
    bias: bool = True,
    weight_init: Initializer | str | None = None,
) -> ChannelsLastConv:
    """1 x 1 convolution: a dense layer whose weight has the shape (out, in, 1, 1)."""
    return ChannelsLastConv(in_channels, out_channels, bias=bias, weight_init=weight_init)


def residual_conv(
    in_channels: int, out_channels: int, kernel: int = 1, stride: int = 1
) -> ChannelsLastConv:
    """A ResNet's convolution: no bias, since a norm follows; stride 1 keeps the size.

    Normal weights of He et al. (ICCV 2015) by what leaves the layer, as torchvision starts them.
    """
    init = HeNormal(mode="fan_out", nonlinearity="relu")
    return ChannelsLastConv(in_channels, out_channels, kernel, stride, kernel // 2, False, init)
