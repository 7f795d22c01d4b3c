"""ViT with relative position biases: BEiT's, and the students of Feature Distillation."""

from __future__ import annotations

from mindspore import Parameter, Tensor, nn, ops
from mindspore.common.initializer import Normal, initializer

from mindtune.backbones.backbone import TokenBackbone
from mindtune.backbones.vit import ViTArchitecture
from mindtune.layers.biased_attention import (
    BiasedAttention,
    OwnBiasAttention,
    RelativePositionBias,
)
from mindtune.layers.channel_map import ChannelScale
from mindtune.layers.depth_init import start_by_depth, start_narrow_by_depth
from mindtune.layers.drop_path import drop_path, drop_path_rates
from mindtune.layers.mlp import Mlp
from mindtune.layers.norm import LayerNorm
from mindtune.layers.patch_embed import PatchEmbed, with_class_token
from mindtune.layers.recalibration import NoRecalibration
from mindtune.preprocessing import Preprocessing


class BeitBlock(nn.Cell):
    """``x + gamma_1 attn(norm1(x), bias)``, then ``x + gamma_2 psrp(x, mlp(norm2(x)))``.

    ``psrp`` is the slot which PSRP tuning fills.
    """

    def __init__(self, arch: ViTArchitecture, attn: BiasedAttention, drop_rate: float) -> None:
        super().__init__()
        dim = arch.embed_dim
        self.norm1 = LayerNorm(dim, arch.norm_eps)
        self.attn = attn
        self.gamma_1 = Parameter(initializer(arch.init_values, (dim,)), name="gamma_1")
        self.norm2 = LayerNorm(dim, arch.norm_eps)
        self.mlp = Mlp(dim, int(dim * arch.mlp_ratio))
        self.psrp: nn.Cell = NoRecalibration(dim)
        self.gamma_2 = Parameter(initializer(arch.init_values, (dim,)), name="gamma_2")
        self.scale = ChannelScale()
        self.drop_path1 = drop_path(drop_rate)
        self.drop_path2 = drop_path(drop_rate)

    def construct(self, x: Tensor, bias: Tensor) -> Tensor:
        return self.after_attention(x, self.attn.attend(self.norm1(x), bias))

    def after_attention(self, x: Tensor, branch: Tensor) -> Tensor:
        """The block's output from its input and what its attention found."""
        x = x + self.drop_path1(self.scale(branch, self.gamma_1))
        branch = self.psrp(x, self.mlp(self.norm2(x)))
        return x + self.drop_path2(self.scale(branch, self.gamma_2))

    def attention_weights(self, x: Tensor, bias: Tensor) -> Tensor:
        """The block's attention weights (B, H, N, N) alone."""
        return self.attn.biased_weights_and_values(self.norm1(x), bias)[0]

    def with_attention(self, x: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        """The block's output (B, N, C) and its attention weights (B, H, N, N)."""
        weights, v = self.attn.biased_weights_and_values(self.norm1(x), bias)
        return self.after_attention(x, self.attn.mix(weights, v)), weights


class RelativeViT(TokenBackbone):
    """Images (B, 3, S, S) -> tokens (B, 1 + N, C) and pooled (B, C): what both networks share.

    There is no absolute position embedding: position enters through the biases of the scores.
    Queries and values have a bias, keys have none. Parameter names are those of timm's ``Beit``.
    """

    def __init__(
        self,
        arch: ViTArchitecture,
        preprocessing: Preprocessing,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__(arch.embed_dim, preprocessing)
        self.arch = arch
        self.patch_embed = PatchEmbed(preprocessing.input_size, arch.patch_size, arch.embed_dim)
        shape = (1, 1, arch.embed_dim)
        self.cls_token = Parameter(initializer(Normal(0.02), shape), name="cls_token")
        rates = drop_path_rates(drop_path, arch.depth)
        self.blocks = nn.CellList([BeitBlock(arch, self._attention(), rate) for rate in rates])

    @property
    def parts(self) -> nn.CellList:
        return self.blocks

    def _attention(self) -> BiasedAttention:
        raise NotImplementedError

    def biases(self) -> tuple[Tensor, ...]:
        """The bias of the scores of each block, (H, 1 + N, 1 + N) each."""
        raise NotImplementedError

    def part_inputs(self) -> tuple[tuple[Tensor], ...]:
        """The bias of each block."""
        return tuple([(bias,) for bias in self.biases()])

    def embed(self, images: Tensor) -> Tensor:
        """Input of the first block, (B, 1 + N, C)."""
        return with_class_token(self.cls_token, self.patch_embed(images))


class SharedBiasViT(RelativeViT):
    """All blocks share one table of biases; the pooled feature is the class token after ``norm``.

    The student of Feature Distillation's first phase (arXiv 2205.14141), started as its authors do.
    """

    def __init__(
        self,
        arch: ViTArchitecture,
        preprocessing: Preprocessing,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__(arch, preprocessing, drop_path)
        self.rel_pos_bias = RelativePositionBias(self.patch_embed.grid_size, arch.num_heads)
        self.norm = LayerNorm(arch.embed_dim, arch.norm_eps)
        start_narrow_by_depth(self, self.blocks)

    def _attention(self) -> BiasedAttention:
        return BiasedAttention(self.arch.embed_dim, self.arch.num_heads)

    def biases(self) -> tuple[Tensor, ...]:
        return (self.rel_pos_bias(),) * len(self.blocks)

    @property
    def final_norm(self) -> LayerNorm:
        return self.norm


class Beit(RelativeViT):
    """Every block has a table of its own; the pooled feature is ``fc_norm`` of the mean patch.

    The tokens have no final norm. What BEiT and Feature Distillation fine-tune.
    """

    def __init__(
        self,
        arch: ViTArchitecture,
        preprocessing: Preprocessing,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__(arch, preprocessing, drop_path)
        self.fc_norm = LayerNorm(arch.embed_dim, arch.norm_eps)
        start_by_depth(self.blocks)

    def _attention(self) -> BiasedAttention:
        grid = self.patch_embed.grid_size
        return OwnBiasAttention(self.arch.embed_dim, self.arch.num_heads, grid)

    def biases(self) -> tuple[Tensor, ...]:
        biases: tuple[Tensor, ...] = ()
        for block in self.blocks:
            biases += (block.attn.bias(),)
        return biases

    def features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return x, self.fc_norm(ops.mean(x[:, 1:], 1))

    @property
    def final_norm(self) -> LayerNorm:
        return self.fc_norm
