"""ResNet (He et al., CVPR 2016), version 1.5, under torchvision's parameter names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from mindspore import Parameter, Tensor, nn, ops
from mindspore import dtype as mstype

from mindtune.backbones.backbone import MapBackbone
from mindtune.backbones.layer_groups import groups_by_depth
from mindtune.errors import ConfigError
from mindtune.layers.batch_norm import BatchNorm
from mindtune.layers.conv import gather_windows, residual_conv
from mindtune.layers.permute import Permute
from mindtune.preprocessing import Preprocessing

EXPANSION = 4  # output channels of a bottleneck over its own width


@dataclass(frozen=True)
class ResNetArchitecture:
    """The numbers that make one ResNet differ from another.

    Attributes:
        depths: bottlenecks of each stage.
        width: channels of the first stage's 3 x 3 convolutions; each stage doubles it.
        stem_width: channels of the first convolution.
    """

    depths: tuple[int, int, int, int]
    width: int = 64
    stem_width: int = 64


class Bottleneck(nn.Cell):
    """``relu(shortcut(x) + bn3(conv3(relu(bn2(conv2(relu(bn1(conv1(x)))))))))``, (B, H, W, C).

    Version 1.5: the stride is that of the 3 x 3 convolution ``conv2``; the first version had it at
    ``conv1``.
    """

    def __init__(self, in_channels: int, width: int, stride: int) -> None:
        super().__init__()
        out_channels = EXPANSION * width
        self.conv1 = residual_conv(in_channels, width)
        self.bn1 = BatchNorm(width)
        self.conv2 = residual_conv(width, width, 3, stride)
        self.bn2 = BatchNorm(width)
        self.conv3 = residual_conv(width, out_channels)
        self.bn3 = BatchNorm(out_channels)
        self.downsample: nn.Cell = nn.Identity()
        if stride > 1 or in_channels != out_channels:
            shortcut = residual_conv(in_channels, out_channels, 1, stride)
            self.downsample = nn.SequentialCell(shortcut, BatchNorm(out_channels))

    def construct(self, x: Tensor) -> Tensor:
        y = ops.relu(self.bn1(self.conv1(x)))
        y = ops.relu(self.bn2(self.conv2(y)))
        return ops.relu(self.bn3(self.conv3(y)) + self.downsample(x))


def last_channels(width: int) -> int:
    """Channels of the last of four stages whose first has bottlenecks ``width`` wide."""
    return EXPANSION * 8 * width


def residual_stages(
    block: Callable[[int, int, int], nn.Cell],
    depths: tuple[int, int, int, int],
    in_channels: int,
    width: int,
) -> list[nn.SequentialCell]:
    """Four stages of bottlenecks, each twice as wide and half as high as the one before.

    Args:
        block: builds a bottleneck from its input channels, width and stride.
        depths: bottlenecks of each stage.
        in_channels: of the maps that come in.
        width: of the first stage's bottlenecks.
    """
    stages = []
    for number, depth in enumerate(depths):
        first = block(in_channels, width, 1 if number == 0 else 2)
        in_channels = EXPANSION * width
        rest = [block(in_channels, width, 1) for _ in range(depth - 1)]
        stages.append(nn.SequentialCell(first, *rest))
        width *= 2
    return stages


class MaxPool(nn.Cell):
    """3 x 3 maximum, stride 2, padding 1, of maps without negative values: (B, H, W, C)."""

    def construct(self, maps: Tensor) -> Tensor:
        c = maps.shape[3]
        windows = gather_windows(maps, 3, 2, 1)  # (B, H/2, W/2, 9C)
        _, height, width, _ = windows.shape
        return ops.max(windows.reshape(-1, height, width, 9, c), 3)[0]


class ResNet(MapBackbone):
    """Images (B, 3, S, S) -> tokens (B, N, C) and their mean (B, C), N = (S / 32)^2.

    The tokens are the last map row by row, after its last ReLU; there is no final norm.

    Raises:
        ConfigError: ``drop_path`` above 0, which a ResNet does not have.
    """

    classifier = "fc"

    def __init__(
        self, arch: ResNetArchitecture, preprocessing: Preprocessing, drop_path: float = 0.0
    ) -> None:
        super().__init__(last_channels(arch.width), preprocessing)
        if drop_path != 0:
            raise ConfigError(f"backbone.drop_path: got {drop_path}, expected 0 for a ResNet")
        self.arch = arch
        self.channels_last = Permute(0, 2, 3, 1)
        self.conv1 = residual_conv(3, arch.stem_width, 7, 2)
        self.bn1 = BatchNorm(arch.stem_width)
        self.maxpool = MaxPool()
        self.layer1, self.layer2, self.layer3, self.layer4 = residual_stages(
            Bottleneck, arch.depths, arch.stem_width, arch.width
        )

    @property
    def parts(self) -> list[nn.Cell]:
        return [self.layer1, self.layer2, self.layer3, self.layer4]

    @property
    def blocks(self) -> list[nn.Cell]:
        """All bottlenecks from the input up."""
        return [block for stage in self.parts for block in stage]

    def embed(self, images: Tensor) -> Tensor:
        """Input of the first stage, (B, S / 4, S / 4, C)."""
        x = self.channels_last(images)  # (B, S, S, 3)
        return self.maxpool(ops.relu(self.bn1(self.conv1(x))))

    def features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens (B, N, C), as they are, and their mean (B, C)."""
        return x, ops.mean(ops.cast(x, mstype.float32), 1)

    def layer_groups(self) -> dict[str, list[Parameter]]:
        """Parameters by depth, from the input up: ``embed``, ``blocks.0``, ....

        Running statistics are no parameters that train, and are left out.
        """
        return groups_by_depth(self, self.blocks, norm=None)
