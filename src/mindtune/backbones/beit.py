"""ViT with relative position biases: BEiT's, and the students of Feature Distillation."""

from __future__ import annotations

from mindspore import Parameter, Tensor, nn, ops
from mindspore.common.initializer import Normal, initializer

from mindtune.backbones.layer_groups import groups_by_depth
from mindtune.backbones.vit import ViTArchitecture
from mindtune.layers.biased_attention import (
    BiasedAttention,
    OwnBiasAttention,
    RelativePositionBias,
)
from mindtune.layers.depth_init import start_by_depth, start_narrow_by_depth
from mindtune.layers.drop_path import drop_path, drop_path_rates
from mindtune.layers.mlp import Mlp
from mindtune.layers.norm import LayerNorm
from mindtune.layers.patch_embed import PatchEmbed
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
        self.drop_path1 = drop_path(drop_rate)
        self.drop_path2 = drop_path(drop_rate)

    def construct(self, x: Tensor, bias: Tensor) -> Tensor:
        x = x + self.drop_path1(self.gamma_1 * self.attn.attend(self.norm1(x), bias))
        return x + self.drop_path2(self.gamma_2 * self.psrp(x, self.mlp(self.norm2(x))))


class RelativeViT(nn.Cell):
    """Images (B, 3, S, S) -> tokens (B, 1 + N, C) and pooled (B, C): what both networks share.

    There is no absolute position embedding: position enters through the biases of the scores.
    Queries and values have a bias, keys have none. Parameter names are those of timm's ``Beit``.

    Attributes:
        num_features: width C.
        num_prefix_tokens: tokens that are no patches; here 1, the class token.
        preprocessing: how to prepare images for the weights of this variant.
        classifier: what timm calls a linear head on this network.
    """

    num_prefix_tokens = 1
    classifier = "head"

    def __init__(
        self,
        arch: ViTArchitecture,
        preprocessing: Preprocessing,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__()
        self.arch = arch
        self.preprocessing = preprocessing
        self.num_features = arch.embed_dim
        self.patch_embed = PatchEmbed(preprocessing.input_size, arch.patch_size, arch.embed_dim)
        shape = (1, 1, arch.embed_dim)
        self.cls_token = Parameter(initializer(Normal(0.02), shape), name="cls_token")
        rates = drop_path_rates(drop_path, arch.depth)
        self.blocks = nn.CellList([BeitBlock(arch, self._attention(), rate) for rate in rates])

    def _attention(self) -> BiasedAttention:
        raise NotImplementedError

    def biases(self) -> tuple[Tensor, ...]:
        """The bias of the scores of each block, (H, 1 + N, 1 + N) each."""
        raise NotImplementedError

    def embed(self, images: Tensor) -> Tensor:
        """Input of the first block, (B, 1 + N, C)."""
        patches = self.patch_embed(images)  # (B, N, C)
        cls_token = ops.tile(self.cls_token, (images.shape[0], 1, 1))  # (B, 1, C)
        return ops.concat((cls_token.astype(patches.dtype), patches), axis=1)

    def forward_tokens(self, images: Tensor) -> Tensor:
        """Tokens after the last block, before any norm, (B, 1 + N, C)."""
        x, biases = self.embed(images), self.biases()
        for index, block in enumerate(self.blocks):
            x = block(x, biases[index])
        return x

    def forward_intermediates(self, images: Tensor, layers: tuple[int, ...]) -> tuple[Tensor, ...]:
        """Tokens after each block whose index is in ``layers`` (0-based), each (B, 1 + N, C).

        Raises:
            ValueError: a block that does not exist.
        """
        if max(layers) >= len(self.blocks) or min(layers) < 0:  # in a graph: Python's own
            raise ValueError("forward_intermediates: got a layer beyond the last block")
        taken: tuple[Tensor, ...] = ()
        x, biases = self.embed(images), self.biases()
        for index, block in enumerate(self.blocks):
            x = block(x, biases[index])
            if index in layers:
                taken += (x,)
        return taken

    def forward_attention(self, images: Tensor) -> Tensor:
        """Attention weights of the last block, (B, H, 1 + N, 1 + N); rows sum to 1."""
        x, biases = self.embed(images), self.biases()
        for index, block in enumerate(self.blocks[:-1]):
            x = block(x, biases[index])
        last = self.blocks[-1]
        return last.attn.biased_weights_and_values(last.norm1(x), biases[-1])[0]

    def features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens (B, 1 + N, C) and pooled (B, C) from what ``forward_tokens`` gives."""
        raise NotImplementedError

    def construct(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return self.features(self.forward_tokens(images))

    def layer_groups(self) -> dict[str, list[Parameter]]:
        """Parameters by depth, from the input up: ``embed``, ``blocks.0``, ..., ``norm``.

        A table that all blocks share belongs to ``embed``.
        """
        return groups_by_depth(self, self.blocks, self.final_norm())

    def final_norm(self) -> LayerNorm:
        """The norm nearest to the output."""
        raise NotImplementedError


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

    def features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        tokens = self.norm(x)
        return tokens, tokens[:, 0]

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

    def final_norm(self) -> LayerNorm:
        return self.fc_norm
