"""Swin Transformer (Liu et al., ICCV 2021) under timm's parameter names."""

from __future__ import annotations

from dataclasses import dataclass

from mindspore import Tensor, nn

from mindtune.backbones.backbone import PyramidBackbone
from mindtune.layers.drop_path import drop_path, drop_path_rates
from mindtune.layers.mlp import Mlp
from mindtune.layers.norm import LayerNorm
from mindtune.layers.patch_embed import NormedPatchEmbed
from mindtune.layers.patch_merging import PatchMerging, merged_grid
from mindtune.layers.recalibration import NoRecalibration
from mindtune.layers.window_attention import WindowAttention
from mindtune.layers.windows import Grid, Windows, fitting_window
from mindtune.preprocessing import Preprocessing


@dataclass(frozen=True)
class SwinArchitecture:
    """The numbers that make one Swin differ from another.

    Attributes:
        window_size: side of a window, in tokens; a stage whose map is smaller has one window.
        embed_dim: width of the first stage; every further one doubles it.
        depths: blocks of each stage.
        num_heads: heads of each stage.
    """

    window_size: int
    embed_dim: int
    depths: tuple[int, ...]
    num_heads: tuple[int, ...]
    patch_size: int = 4
    mlp_ratio: float = 4.0
    norm_eps: float = 1e-5


class SwinBlock(nn.Cell):
    """Pre-norm block: ``x + attn(norm1(x))`` in windows, then ``x + psrp(x, mlp(norm2(x)))``.

    Tokens (B, HW, C) -> (B, HW, C). ``psrp`` is the slot which PSRP tuning fills.
    """

    def __init__(
        self, arch: SwinArchitecture, num_heads: int, windows: Windows, drop_rate: float
    ) -> None:
        super().__init__()
        dim = windows.dim
        self.windows = windows
        self.norm1 = LayerNorm(dim, arch.norm_eps)
        self.attn = WindowAttention(dim, num_heads, windows)
        self.norm2 = LayerNorm(dim, arch.norm_eps)
        self.mlp = Mlp(dim, int(dim * arch.mlp_ratio))
        self.psrp: nn.Cell = NoRecalibration(dim)
        self.drop_path1 = drop_path(drop_rate)
        self.drop_path2 = drop_path(drop_rate)

    def construct(self, x: Tensor) -> Tensor:
        mixed = self.attn(self.windows.split(self.norm1(x)))
        x = x + self.drop_path1(self.windows.join(mixed))
        return x + self.drop_path2(self.psrp(x, self.mlp(self.norm2(x))))


class SwinStage(nn.Cell):
    """Merge the tokens of the stage before, then blocks, every second one with shifted windows.

    The first stage merges nothing. Merging is timm's ``downsample``, at the start of a stage since
    timm 0.9 and at the end of the one before in older files.
    """

    def __init__(self, downsample: nn.Cell, blocks: list[nn.Cell]) -> None:
        super().__init__()
        self.downsample = downsample
        self.blocks = nn.CellList(blocks)

    def construct(self, x: Tensor) -> Tensor:
        x = self.downsample(x)
        for block in self.blocks:
            x = block(x)
        return x


class SwinTransformer(PyramidBackbone):
    """Swin encoder: images (B, 3, S, S) -> tokens (B, N, C) and their mean (B, C).

    Both come after the final norm; N is (S / 32)^2, rounded up, of the last stage. There is no
    class token.
    """

    classifier = "head.fc"
    block_type: type[nn.Cell] = SwinBlock
    merging_type: type[PatchMerging] = PatchMerging

    def __init__(
        self,
        arch: SwinArchitecture,
        preprocessing: Preprocessing,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__(arch.embed_dim * 2 ** (len(arch.depths) - 1), preprocessing)
        self.arch = arch
        self.patch_embed = NormedPatchEmbed(
            preprocessing.input_size, arch.patch_size, arch.embed_dim, arch.norm_eps
        )
        self.layers = nn.CellList(self._stages(drop_path))
        self.norm = LayerNorm(self.num_features, arch.norm_eps)

    def _stages(self, drop_path: float) -> list[nn.Cell]:
        arch, dim, grid = self.arch, self.arch.embed_dim, self.patch_embed.grid_size
        rates = iter(drop_path_rates(drop_path, sum(arch.depths)))
        stages = []
        for stage, (depth, heads) in enumerate(zip(arch.depths, arch.num_heads)):
            downsample: nn.Cell = nn.Identity()
            if stage > 0:
                downsample = self.merging_type(dim, grid, arch.norm_eps)
                dim, grid = 2 * dim, merged_grid(grid)
            blocks = [self._block(dim, grid, heads, i % 2 == 1, next(rates)) for i in range(depth)]
            stages.append(SwinStage(downsample, blocks))
        return stages

    def _block(self, dim: int, grid: Grid, heads: int, shifted: bool, rate: float) -> nn.Cell:
        window, shift = fitting_window(grid, self.arch.window_size, shifted)
        return self.block_type(self.arch, heads, Windows(dim, grid, window, shift), rate)

    @property
    def parts(self) -> nn.CellList:
        return self.layers

    @property
    def final_norm(self) -> nn.Cell:
        return self.norm

    def embed(self, images: Tensor) -> Tensor:
        """Input of the first stage, (B, N, C)."""
        return self.patch_embed(images)
