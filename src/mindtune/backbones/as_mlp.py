"""AS-MLP (Lian et al., ICLR 2022) under its authors' parameter names; maps are channels-last."""

from __future__ import annotations

from dataclasses import dataclass

from mindspore import Tensor, nn, ops

from mindtune.backbones.backbone import MapBackbone
from mindtune.errors import ConfigError
from mindtune.layers.activations import GELU
from mindtune.layers.conv import ChannelsLastConv, pointwise
from mindtune.layers.drop_path import drop_path, drop_path_rates
from mindtune.layers.map_norm import MapNorm
from mindtune.layers.permute import Permute
from mindtune.layers.recalibration import NoRecalibration
from mindtune.preprocessing import Preprocessing

NORM_EPS = 1e-5
_PATCH = 4
_ROWS, _COLUMNS = 1, 2  # axes of a map (B, H, W, C)


@dataclass(frozen=True)
class ASMLPArchitecture:
    """The numbers that make one AS-MLP differ from another: blocks of each stage, first width."""

    depths: tuple[int, int, int, int]
    embed_dim: int
    shift_size: int = 5


class AxialShift(nn.Cell):
    """Groups of channels moved by different distances along one axis: (B, H, W, C) -> the same.

    The channels are cut into ``shift_size`` groups of ceil(C / shift_size), the last one smaller;
    group k moves by k - shift_size // 2 pixels, toward larger indices where that is positive, and
    zeros come in at the border.
    """

    def __init__(self, channels: int, shift_size: int, axis: int) -> None:
        super().__init__()
        group = -(-channels // shift_size)
        self.sizes = tuple(
            min(group, channels - start) for start in range(0, channels, group)
        )  # fewer groups than shifts where the channels run out
        self.reach = shift_size // 2
        self.axis = axis

    def construct(self, x: Tensor) -> Tensor:
        side = x.shape[self.axis]
        line = x[:, :1] if self.axis == _ROWS else x[:, :, :1]
        zeros = (ops.zeros_like(line),) * self.reach
        padded = ops.concat((*zeros, x, *zeros), self.axis)
        groups = ops.split(padded, self.sizes, axis=-1)
        moved = []
        for k in range(len(self.sizes)):
            first = 2 * self.reach - k
            last = first + side
            part = groups[k]
            moved.append(part[:, first:last] if self.axis == _ROWS else part[:, :, first:last])
        return ops.concat(moved, -1)


class AxialShiftMixer(nn.Cell):
    """Mixes pixels along both axes: (B, H, W, C) -> (B, H, W, C).

    ``y = gelu(norm1(conv1(x)))``, then ``conv3(norm2(gelu(conv2_1(y moved along W)) +
    gelu(conv2_2(y moved along H))))``; all convolutions are 1 x 1.
    """

    def __init__(self, dim: int, shift_size: int) -> None:
        super().__init__()
        self.conv1 = pointwise(dim, dim)
        self.norm1 = MapNorm(dim, NORM_EPS)
        self.act = GELU()
        self.shift_columns = AxialShift(dim, shift_size, _COLUMNS)
        self.shift_rows = AxialShift(dim, shift_size, _ROWS)
        self.conv2_1 = pointwise(dim, dim)
        self.conv2_2 = pointwise(dim, dim)
        self.norm2 = MapNorm(dim, NORM_EPS)
        self.conv3 = pointwise(dim, dim)

    def construct(self, x: Tensor) -> Tensor:
        x = self.act(self.norm1(self.conv1(x)))
        along_width = self.act(self.conv2_1(self.shift_columns(x)))
        along_height = self.act(self.conv2_2(self.shift_rows(x)))
        return self.conv3(self.norm2(along_width + along_height))


class PointwiseMlp(nn.Cell):
    """1 x 1 convolution, exact GELU, 1 x 1 convolution: (..., C) -> (..., C)."""

    def __init__(self, dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.fc1 = pointwise(dim, hidden_dim)
        self.act = GELU()
        self.fc2 = pointwise(hidden_dim, dim)

    def construct(self, x: Tensor) -> Tensor:
        return self.fc2(self.act(self.fc1(x)))


class Block(nn.Cell):
    """``x + axial_shift(norm1(x))``, then ``x + psrp(x, mlp(norm2(x)))``, (B, H, W, C)."""

    def __init__(self, dim: int, shift_size: int, drop_rate: float) -> None:
        super().__init__()
        self.norm1 = MapNorm(dim, NORM_EPS)
        self.axial_shift = AxialShiftMixer(dim, shift_size)
        self.norm2 = MapNorm(dim, NORM_EPS)
        self.mlp = PointwiseMlp(dim, 4 * dim)
        self.psrp: nn.Cell = NoRecalibration(dim, pointwise)
        self.drop_path1 = drop_path(drop_rate)
        self.drop_path2 = drop_path(drop_rate)

    def construct(self, x: Tensor) -> Tensor:
        x = x + self.drop_path1(self.axial_shift(self.norm1(x)))
        return x + self.drop_path2(self.psrp(x, self.mlp(self.norm2(x))))


class PatchStem(nn.Cell):
    """Patches of 4 x 4 pixels, then a norm: images (B, H, W, 3) -> maps (B, H/4, W/4, C)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.proj = ChannelsLastConv(3, dim, _PATCH, _PATCH)
        self.norm = MapNorm(dim, NORM_EPS)

    def construct(self, images: Tensor) -> Tensor:
        return self.norm(self.proj(images))


class PatchMerging(nn.Cell):
    """Four neighbours as one pixel: (B, H, W, C) -> (B, H/2, W/2, 2C).

    Their channels stand in the order top left, bottom left, top right, bottom right; then a norm
    over all 4C and a 1 x 1 convolution without bias.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.by_square = Permute(0, 1, 3, 4, 2, 5)
        self.norm = MapNorm(4 * dim, NORM_EPS)
        self.reduction = pointwise(4 * dim, 2 * dim, bias=False)

    def construct(self, x: Tensor) -> Tensor:
        _, height, width, c = x.shape
        x = x.reshape(-1, height // 2, 2, width // 2, 2, c)
        x = self.by_square(x)  # (B, H/2, W/2, column, row, C)
        x = x.reshape(-1, height // 2, width // 2, 4 * c)
        return self.reduction(self.norm(x))


class Stage(nn.Cell):
    """Blocks of one width, before what brings the maps to the next."""

    def __init__(self, dim: int, shift_size: int, drop_rates: list[float], last: bool) -> None:
        super().__init__()
        self.blocks = nn.CellList([Block(dim, shift_size, rate) for rate in drop_rates])
        self.downsample = nn.Identity() if last else PatchMerging(dim)

    def construct(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x)
        return self.downsample(x)


class ASMLP(MapBackbone):
    """Images (B, 3, S, S) -> tokens (B, N, C) and their mean (B, C), N = (S / 32)^2.

    Both come after the final norm, which is one over the whole map. A stage ends with what merges
    pixels for the next one, and so do intermediates.

    Raises:
        ConfigError: an image size that is no multiple of 32.
    """

    def __init__(
        self, arch: ASMLPArchitecture, preprocessing: Preprocessing, drop_path: float = 0.0
    ) -> None:
        super().__init__(8 * arch.embed_dim, preprocessing)
        if preprocessing.input_size % 32:
            raise ConfigError(
                f"backbone.image_size: got {preprocessing.input_size}, expected a multiple of 32"
            )
        self.arch = arch
        self.channels_last = Permute(0, 2, 3, 1)
        self.patch_embed = PatchStem(arch.embed_dim)
        rates = drop_path_rates(drop_path, sum(arch.depths))
        layers = []
        for number, depth in enumerate(arch.depths):
            dim = arch.embed_dim * 2**number
            layers.append(Stage(dim, arch.shift_size, rates[:depth], last=number == 3))
            rates = rates[depth:]
        self.layers = nn.CellList(layers)
        self.norm = MapNorm(self.num_features, NORM_EPS)

    @property
    def parts(self) -> nn.CellList:
        return self.layers

    @property
    def final_norm(self) -> nn.Cell:
        return self.norm

    def embed(self, images: Tensor) -> Tensor:
        """Input of the first stage, (B, S / 4, S / 4, C)."""
        return self.patch_embed(self.channels_last(images))
