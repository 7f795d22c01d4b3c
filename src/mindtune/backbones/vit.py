"""Vision Transformer (Dosovitskiy et al., ICLR 2021) under timm's parameter names."""

from __future__ import annotations

from dataclasses import dataclass

from mindspore import Parameter, Tensor, nn
from mindspore.common.initializer import Normal, initializer

from mindtune.backbones.backbone import TokenBackbone
from mindtune.layers.attention import Attention
from mindtune.layers.drop_path import drop_path, drop_path_rates
from mindtune.layers.layer_scale import layer_scale
from mindtune.layers.mlp import Mlp
from mindtune.layers.norm import LayerNorm
from mindtune.layers.patch_embed import PatchEmbed, add_positions, with_class_token
from mindtune.layers.recalibration import NoRecalibration
from mindtune.preprocessing import Preprocessing


@dataclass(frozen=True)
class ViTArchitecture:
    """The numbers that make one ViT differ from another.

    ``init_values`` is where layer scale starts; None: the network has none.
    """

    patch_size: int
    embed_dim: int
    depth: int
    num_heads: int
    mlp_ratio: float = 4.0
    norm_eps: float = 1e-6
    init_values: float | None = None


class Block(nn.Cell):
    """Pre-norm transformer block: ``x + attn(norm1(x))``, then ``x + psrp(x, mlp(norm2(x)))``.

    Layer scales ``ls1`` and ``ls2`` are the last to act on each branch. ``psrp`` is the slot which
    PSRP tuning fills (``mindtune.tuning.psrp``).
    """

    def __init__(self, arch: ViTArchitecture, drop_rate: float) -> None:
        super().__init__()
        dim = arch.embed_dim
        self.norm1 = LayerNorm(dim, arch.norm_eps)
        self.attn = Attention(dim, arch.num_heads)
        self.ls1 = layer_scale(dim, arch.init_values)
        self.norm2 = LayerNorm(dim, arch.norm_eps)
        self.mlp = Mlp(dim, int(dim * arch.mlp_ratio))
        self.psrp: nn.Cell = NoRecalibration(dim)
        self.ls2 = layer_scale(dim, arch.init_values)
        self.drop_path1 = drop_path(drop_rate)
        self.drop_path2 = drop_path(drop_rate)

    def construct(self, x: Tensor) -> Tensor:
        return self.after_attention(x, self.attn(self.norm1(x)))

    def after_attention(self, x: Tensor, branch: Tensor) -> Tensor:
        """The block's output from its input and what its attention found."""
        x = x + self.drop_path1(self.ls1(branch))
        return x + self.drop_path2(self.ls2(self.psrp(x, self.mlp(self.norm2(x)))))

    def attention_weights(self, x: Tensor) -> Tensor:
        """The block's attention weights (B, H, N, N) alone."""
        return self.attn.weights_and_values(self.norm1(x))[0]

    def with_attention(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The block's output (B, N, C) and its attention weights (B, H, N, N)."""
        weights, v = self.attn.weights_and_values(self.norm1(x))
        return self.after_attention(x, self.attn.mix(weights, v)), weights


class VisionTransformer(TokenBackbone):
    """ViT encoder: images (B, 3, S, S) -> tokens (B, 1 + N, C) and the class token (B, C).

    Both outputs come after the final norm.
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
        self.grid_size = self.patch_embed.grid_size
        token_shape = (1, 1, arch.embed_dim)
        self.cls_token = Parameter(initializer(Normal(1e-6), token_shape), name="cls_token")
        position_shape = (1, 1 + self.patch_embed.num_patches, arch.embed_dim)
        self.pos_embed = Parameter(initializer(Normal(0.02), position_shape), name="pos_embed")
        rates = drop_path_rates(drop_path, arch.depth)
        self.blocks = nn.CellList([Block(arch, rate) for rate in rates])
        self.norm = LayerNorm(arch.embed_dim, arch.norm_eps)

    @property
    def parts(self) -> nn.CellList:
        return self.blocks

    @property
    def final_norm(self) -> nn.Cell:
        return self.norm

    def embed(self, images: Tensor) -> Tensor:
        """Input of the first block, (B, 1 + N, C)."""
        patches = self.patch_embed(images)  # (B, N, C)
        return add_positions(with_class_token(self.cls_token, patches), self.pos_embed)
