"""CLIP's ResNet (Radford et al., ICML 2021) under OpenAI's parameter names."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from mindspore import Parameter, Tensor, nn, ops
from mindspore.common.initializer import Normal, initializer

from mindtune.backbones.backbone import MapBackbone
from mindtune.backbones.resnet import EXPANSION, last_channels, residual_stages
from mindtune.errors import ConfigError
from mindtune.layers.attention import SelfAttention
from mindtune.layers.batch_norm import BatchNorm
from mindtune.layers.conv import residual_conv
from mindtune.layers.linear import linear
from mindtune.layers.patch_embed import add_positions
from mindtune.layers.permute import Permute
from mindtune.parameters import learnable_weights_of
from mindtune.preprocessing import Preprocessing

_STRIDE = 32  # pixels a cell of the last map
_HEAD_DIM = 64


@dataclass(frozen=True)
class CLIPResNetArchitecture:
    """The numbers that make one image tower differ from another: blocks a stage, stem width."""

    layers: tuple[int, int, int, int]
    width: int
    embed_dim: int

    @property
    def map_channels(self) -> int:
        """Channels of the last map, 32 times the width of the stem."""
        return last_channels(self.width)


def _norm(channels: int, weight_init: str = "ones") -> BatchNorm:
    """Tuning on a few images must not replace the statistics of 400 million."""
    return BatchNorm(channels, weight_init, keeps_statistics=True)


class AveragePool(nn.Cell):
    """Means of squares of pixels, (B, H, W, C) -> (B, H / size, W / size, C)."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def construct(self, maps: Tensor) -> Tensor:
        _, height, width, c = maps.shape
        size = self.size
        squares = (-1, height // size, size, width // size, size, c)
        return ops.mean(maps.reshape(squares), (2, 4))  # (B, H / size, W / size, C)


def _pool(size: int) -> nn.Cell:
    return AveragePool(size) if size > 1 else nn.Identity()


class ClipBottleneck(nn.Cell):
    """1x1, 3x3, 1x1 with all strides 1 and an average pool before the last; (B, H, W, C).

    Down-sampling blurs instead of skipping pixels: the branch pools after its 3x3 convolution, the
    shortcut before its 1x1.
    """

    def __init__(self, in_channels: int, planes: int, stride: int) -> None:
        super().__init__()
        out_channels = planes * EXPANSION
        self.conv1 = residual_conv(in_channels, planes)
        self.bn1 = _norm(planes)
        self.conv2 = residual_conv(planes, planes, 3)
        self.bn2 = _norm(planes)
        self.avgpool = _pool(stride)
        self.conv3 = residual_conv(planes, out_channels)
        self.bn3 = _norm(out_channels, "zeros")
        self.relu = nn.ReLU()
        self.downsample: nn.Cell = nn.Identity()
        if stride > 1 or in_channels != out_channels:
            cells: OrderedDict[str, nn.Cell] = OrderedDict()
            cells["pool"] = _pool(stride)
            cells["0"] = residual_conv(in_channels, out_channels)  # OpenAI counts from the pool
            cells["1"] = _norm(out_channels)
            self.downsample = nn.SequentialCell(cells)

    def construct(self, x: Tensor) -> Tensor:
        branch = self.relu(self.bn1(self.conv1(x)))
        branch = self.relu(self.bn2(self.conv2(branch)))
        branch = self.bn3(self.conv3(self.avgpool(branch)))
        return self.relu(branch + self.downsample(x))


class AttentionPool2d(SelfAttention):
    """Attention over the cells of a map and their mean: (B, h, w, C) -> (B, 1 + hw, D).

    Token 0, the mean, gives the image feature; the others are the same projection of what each cell
    attends to. OpenAI's code computes token 0 only, as ``pool`` does.

    Args:
        cells: h * w.
        channels: C.
        num_heads: heads of 64 channels in OpenAI's networks.
        out_dim: D.
    """

    def __init__(self, cells: int, channels: int, num_heads: int, out_dim: int) -> None:
        super().__init__(channels, num_heads)
        self.positional_embedding = Parameter(
            initializer(Normal(channels**-0.5), (1 + cells, channels)), name="positional_embedding"
        )
        self.q_proj = linear(channels, channels)
        self.k_proj = linear(channels, channels)
        self.v_proj = linear(channels, channels)
        self.c_proj = linear(channels, out_dim)

    def project(self, x: Tensor) -> Tensor:
        return ops.concat((self.q_proj(x), self.k_proj(x), self.v_proj(x)), -1)

    def output(self, x: Tensor) -> Tensor:
        """The projection of what the heads found, (B, N, C) -> (B, N, D)."""
        return self.c_proj(x)

    def tokens_of(self, features: Tensor) -> Tensor:
        """Mean and cells with their positions, (B, 1 + hw, C)."""
        b, h, w, c = features.shape
        cells = features.reshape(b, h * w, c)  # (B, hw, C)
        mean = ops.mean(cells, 1, True)  # (B, 1, C)
        return add_positions(ops.concat((mean, cells), axis=1), self.positional_embedding)

    def pool(self, features: Tensor) -> Tensor:
        """Token 0 alone, (B, D): the image feature."""
        weights, v = self.weights_and_values(self.tokens_of(features))
        return self.mix(weights[:, :, :1], v)[:, 0]

    def construct(self, features: Tensor) -> Tensor:
        weights, v = self.weights_and_values(self.tokens_of(features))
        return self.mix(weights, v)


class ModifiedResNetTower(nn.Cell):
    """Images (B, 3, S, S) -> tokens (B, 1 + N, D) and the image feature (B, D).

    Inside, channels come last: MindSpore's CPU convolution is far slower than ours.
    """

    def __init__(self, arch: CLIPResNetArchitecture, image_size: int) -> None:
        super().__init__()
        if image_size % _STRIDE:
            raise ConfigError(
                f"backbone.image_size: got {image_size}, expected a multiple of {_STRIDE}; use "
                f"{image_size // _STRIDE * _STRIDE or _STRIDE}"
            )
        width = arch.width
        self.grid_size = (image_size // _STRIDE, image_size // _STRIDE)
        self.channels_last = Permute(0, 2, 3, 1)
        self.conv1 = residual_conv(3, width // 2, 3, stride=2)
        self.bn1 = _norm(width // 2)
        self.conv2 = residual_conv(width // 2, width // 2, 3)
        self.bn2 = _norm(width // 2)
        self.conv3 = residual_conv(width // 2, width, 3)
        self.bn3 = _norm(width)
        self.relu = nn.ReLU()
        self.avgpool = _pool(2)
        self.layer1, self.layer2, self.layer3, self.layer4 = residual_stages(
            ClipBottleneck, arch.layers, width, width
        )
        cells, heads = self.grid_size[0] * self.grid_size[1], arch.map_channels // _HEAD_DIM
        self.attnpool = AttentionPool2d(cells, arch.map_channels, heads, arch.embed_dim)

    @property
    def stages(self) -> list[nn.SequentialCell]:
        """The four stages, ``layer1`` to ``layer4``."""
        return [self.layer1, self.layer2, self.layer3, self.layer4]

    def embed(self, images: Tensor) -> Tensor:
        """Input of the first stage, (B, S / 4, S / 4, width)."""
        x = self.channels_last(images)  # (B, S, S, 3)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        return self.avgpool(self.relu(self.bn3(self.conv3(x))))

    def forward_map(self, images: Tensor) -> Tensor:
        """The last map, (B, S / 32, S / 32, 32 width)."""
        x = self.embed(images)
        for stage in self.stages:
            x = stage(x)
        return x

    def encode(self, images: Tensor) -> Tensor:
        """Image features (B, D), not normalised."""
        return self.attnpool.pool(self.forward_map(images))

    def construct(self, images: Tensor) -> tuple[Tensor, Tensor]:
        tokens = self.attnpool(self.forward_map(images))
        return tokens, tokens[:, 0]


class ModifiedResNet(MapBackbone):
    """CLIP's ResNet as a backbone: images (B, 3, S, S) -> tokens (B, 1 + N, D), feature (B, D).

    The tokens are those of the attention pool, its own token first, so that heads find what a ViT
    gives them; N = (S / 32)^2, and intermediates are the maps of stages. Batch norms keep their
    stored statistics in training.
    """

    num_prefix_tokens = 1

    def __init__(self, arch: CLIPResNetArchitecture, preprocessing: Preprocessing) -> None:
        super().__init__(arch.embed_dim, preprocessing)
        self.arch = arch
        self.visual = ModifiedResNetTower(arch, preprocessing.input_size)
        self.grid_size = self.visual.grid_size

    @property
    def parts(self) -> list[nn.Cell]:
        return self.visual.stages

    @property
    def blocks(self) -> list[nn.Cell]:
        """The bottlenecks, from the input up; they have no slot for recalibration."""
        return [block for stage in self.parts for block in stage]

    def embed(self, images: Tensor) -> Tensor:
        """Input of the first stage, (B, S / 4, S / 4, C)."""
        return self.visual.embed(images)

    def forward_tokens(self, images: Tensor) -> Tensor:
        """Tokens of the attention pool, (B, 1 + N, D); this network has no final norm."""
        return self.visual(images)[0]

    def features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens (B, 1 + N, D), as they are, and the first of them (B, D)."""
        return x, x[:, 0]

    def layer_groups(self) -> dict[str, list[Parameter]]:
        """Parameters by depth: ``stem``, ``layer1`` to ``layer4``, ``attnpool``.

        Running statistics are no parameters that train, and are left out.
        """
        tower = self.visual
        stem = (tower.conv1, tower.bn1, tower.conv2, tower.bn2, tower.conv3, tower.bn3)
        groups = {"stem": [p for cell in stem for p in learnable_weights_of(cell)]}
        for number, stage in enumerate(tower.stages, 1):
            groups[f"layer{number}"] = learnable_weights_of(stage)
        groups["attnpool"] = learnable_weights_of(tower.attnpool)
        return groups
