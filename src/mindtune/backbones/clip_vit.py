"""CLIP's Vision Transformer (Radford et al., ICML 2021) under OpenAI's parameter names."""

from __future__ import annotations

from dataclasses import dataclass

from mindspore import Parameter, Tensor, nn, ops
from mindspore.common.initializer import Normal, initializer

from mindtune.backbones.backbone import TokenBackbone
from mindtune.backbones.clip_transformer import NORM_EPS, Transformer
from mindtune.layers.drop_path import drop_path_rates
from mindtune.layers.norm import LayerNorm
from mindtune.layers.packed_attention import PackedAttention
from mindtune.layers.patch_embed import (
    PatchProjection,
    add_positions,
    patch_grid,
    with_class_token,
)
from mindtune.preprocessing import Preprocessing


@dataclass(frozen=True)
class CLIPVisionArchitecture:
    """The numbers that make one image tower differ from another.

    OpenAI's have ``num_heads`` = width / 64 and perceptrons of 4 widths (``hidden_dim`` None).
    """

    patch_size: int
    width: int
    depth: int
    num_heads: int
    hidden_dim: int | None = None


class CLIPVisionTower(nn.Cell):
    """Images (B, 3, S, S) -> tokens (B, 1 + N, C) and the class token (B, C), after ``ln_post``.

    Differences from a ViT of timm: no bias in the patch embedding, a norm before the blocks
    (``ln_pre``), QuickGELU, LayerNorm eps 1e-5.
    """

    def __init__(
        self, arch: CLIPVisionArchitecture, image_size: int, drop_path: float = 0.0
    ) -> None:
        super().__init__()
        self.grid_size = patch_grid(image_size, arch.patch_size)
        self.conv1 = PatchProjection(arch.patch_size, arch.width, has_bias=False)
        self.class_embedding = Parameter(
            initializer(Normal(0.02), (arch.width,)), name="class_embedding"
        )
        tokens = 1 + self.grid_size[0] * self.grid_size[1]
        self.positional_embedding = Parameter(
            initializer(Normal(0.02), (tokens, arch.width)), name="positional_embedding"
        )
        self.ln_pre = LayerNorm(arch.width, NORM_EPS)
        attentions = [PackedAttention(arch.width, arch.num_heads) for _ in range(arch.depth)]
        rates = drop_path_rates(drop_path, arch.depth)
        self.transformer = Transformer(attentions, arch.width, rates, arch.hidden_dim)
        self.ln_post = LayerNorm(arch.width, NORM_EPS)

    def embed(self, images: Tensor) -> Tensor:
        """Input of the first block, (B, 1 + N, C)."""
        token = self.class_embedding.reshape(1, 1, -1)  # (1, 1, C)
        x = with_class_token(token, self.conv1(images))  # (B, 1 + N, C)
        return self.ln_pre(add_positions(x, self.positional_embedding))

    def construct(self, images: Tensor) -> tuple[Tensor, Tensor]:
        tokens = self.ln_post(self.transformer(self.embed(images)))
        return tokens, tokens[:, 0]


class ProjectedVisionTower(CLIPVisionTower):
    """The tower with its projection ``proj`` (C, D) to the space shared with the texts."""

    def __init__(self, arch: CLIPVisionArchitecture, image_size: int, embed_dim: int) -> None:
        super().__init__(arch, image_size)
        self.proj = Parameter(initializer(Normal(0.02), (arch.width, embed_dim)), name="proj")

    def encode(self, images: Tensor) -> Tensor:
        """Image features (B, D), not normalised."""
        x = self.transformer(self.embed(images))
        return ops.matmul(self.ln_post(x[:, 0]), self.proj)


class CLIPVisionTransformer(TokenBackbone):
    """CLIP's ViT as a backbone: images (B, 3, S, S) -> tokens (B, 1 + N, C), class token (B, C).

    Both outputs come after ``ln_post``, before the projection to the space of the texts, which a
    backbone does not have (``mindtune.backbones.clip`` does). Parameters are OpenAI's,
    ``visual.conv1.weight`` and so on.
    """

    def __init__(
        self,
        arch: CLIPVisionArchitecture,
        preprocessing: Preprocessing,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__(arch.width, preprocessing)
        self.arch = arch
        self.visual = CLIPVisionTower(arch, preprocessing.input_size, drop_path)
        self.grid_size = self.visual.grid_size

    @property
    def blocks(self) -> nn.CellList:
        """The transformer blocks, from the input up."""
        return self.visual.transformer.resblocks

    @property
    def parts(self) -> nn.CellList:
        return self.visual.transformer.resblocks

    @property
    def final_norm(self) -> nn.Cell:
        return self.visual.ln_post

    def embed(self, images: Tensor) -> Tensor:
        """Input of the first block, (B, 1 + N, C), after ``ln_pre``."""
        return self.visual.embed(images)
