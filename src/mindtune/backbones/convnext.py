"""ConvNeXt (Liu et al., CVPR 2022) under timm's parameter names; maps are channels-last."""

from __future__ import annotations

from dataclasses import dataclass

from mindspore import Parameter, Tensor, nn, ops
from mindspore import dtype as mstype
from mindspore.common.initializer import Normal, initializer

from mindtune.backbones.backbone import MapBackbone
from mindtune.errors import ConfigError
from mindtune.layers.channel_map import ChannelScale
from mindtune.layers.conv import ChannelsLastConv
from mindtune.layers.depthwise import DepthwiseConv
from mindtune.layers.drop_path import drop_path, drop_path_rates
from mindtune.layers.linear import fan_in_linear
from mindtune.layers.mlp import Mlp
from mindtune.layers.norm import LayerNorm
from mindtune.layers.permute import Permute
from mindtune.layers.recalibration import NoRecalibration
from mindtune.preprocessing import Preprocessing

NORM_EPS = 1e-6
_KERNEL = 7
_STEM = 4  # side of the first patches
_FIRST_GAMMA = 1e-6


@dataclass(frozen=True)
class ConvNeXtArchitecture:
    """The numbers that make one ConvNeXt differ from another: blocks and width of each stage."""

    depths: tuple[int, int, int, int]
    dims: tuple[int, int, int, int]


class Block(nn.Cell):
    """``x + drop_path(gamma * psrp(z, z))`` with ``z = mlp(norm(conv_dw(x)))``, (B, H, W, C).

    The recalibration reads the perceptron's output, not the residual stream as in a ViT, and its
    shift is scaled by gamma too (Moment Probing's code).
    """

    def __init__(self, dim: int, drop_rate: float) -> None:
        super().__init__()
        self.conv_dw = DepthwiseConv(dim, _KERNEL)
        self.norm = LayerNorm(dim, NORM_EPS)
        self.mlp = Mlp(dim, 4 * dim)
        self.psrp: nn.Cell = NoRecalibration(dim, fan_in_linear)
        self.gamma = Parameter(initializer(_FIRST_GAMMA, (dim,)), name="gamma")
        self.scale = ChannelScale()
        self.drop_path = drop_path(drop_rate)

    def construct(self, x: Tensor) -> Tensor:
        branch = self.mlp(self.norm(self.conv_dw(x)))
        return x + self.drop_path(self.scale(self.psrp(branch, branch), self.gamma))


def stem(dim: int) -> nn.SequentialCell:
    """Patches of 4 x 4 pixels, then a norm: images (B, H, W, 3) -> maps (B, H/4, W/4, C)."""
    proj = ChannelsLastConv(3, dim, _STEM, _STEM, weight_init=Normal(0.02))
    return nn.SequentialCell(proj, LayerNorm(dim, NORM_EPS))


def downsample(dim: int, out_dim: int) -> nn.SequentialCell:
    """A norm, then patches of 2 x 2: maps (B, H, W, C) -> (B, H/2, W/2, D)."""
    proj = ChannelsLastConv(dim, out_dim, 2, 2, weight_init=Normal(0.02))
    return nn.SequentialCell(LayerNorm(dim, NORM_EPS), proj)


class Stage(nn.Cell):
    """Blocks of one width, after what brings the maps to it."""

    def __init__(self, in_dim: int, dim: int, drop_rates: list[float]) -> None:
        super().__init__()
        self.downsample = nn.Identity() if in_dim == dim else downsample(in_dim, dim)
        self.blocks = nn.CellList([Block(dim, rate) for rate in drop_rates])

    def construct(self, x: Tensor) -> Tensor:
        x = self.downsample(x)
        for block in self.blocks:
            x = block(x)
        return x


class PooledNorm(nn.Cell):
    """The mean of all tokens, normed: (B, N, C) -> (B, C).

    timm keeps this norm in its head, hence the parameters' names ``head.norm.*``.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = LayerNorm(dim, NORM_EPS)

    def construct(self, tokens: Tensor) -> Tensor:
        return self.norm(ops.mean(ops.cast(tokens, mstype.float32), 1))


class ConvNeXt(MapBackbone):
    """Images (B, 3, S, S) -> tokens (B, N, C) and their normed mean (B, C), N = (S / 32)^2.

    The tokens are the last map row by row, before the norm: this network norms the mean only, and
    so do its classifier and the authors' Moment Probing. S is 32 or more; rows and columns that a
    patch no longer fits on are left out, as a convolution does.

    Differs from the Moment Probing authors' code, which runs on timm 0.6: there the norms before
    the downsampling divide by C - 1 instead of C, which moves logits by some 1e-3. timm 1 and
    Facebook's code, which trained the weights, divide by C, as here.

    Raises:
        ConfigError: images of fewer than 32 pixels.
    """

    classifier = "head.fc"

    def __init__(
        self, arch: ConvNeXtArchitecture, preprocessing: Preprocessing, drop_path: float = 0.0
    ) -> None:
        super().__init__(arch.dims[-1], preprocessing)
        if preprocessing.input_size < 32:
            raise ConfigError(
                f"backbone.image_size: got {preprocessing.input_size}, expected at least 32"
            )
        self.arch = arch
        self.channels_last = Permute(0, 2, 3, 1)
        self.stem = stem(arch.dims[0])
        rates = drop_path_rates(drop_path, sum(arch.depths))
        in_dims = (arch.dims[0], *arch.dims[:-1])
        stages = []
        for depth, in_dim, dim in zip(arch.depths, in_dims, arch.dims):
            stages.append(Stage(in_dim, dim, rates[:depth]))
            rates = rates[depth:]
        self.stages = nn.CellList(stages)
        self.head = PooledNorm(self.num_features)

    @property
    def parts(self) -> nn.CellList:
        return self.stages

    @property
    def final_norm(self) -> nn.Cell:
        return self.head

    def embed(self, images: Tensor) -> Tensor:
        """Input of the first stage, (B, S / 4, S / 4, C)."""
        return self.stem(self.channels_last(images))

    def features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens (B, N, C), as they are, and their normed mean (B, C)."""
        return x, self.head(x)
