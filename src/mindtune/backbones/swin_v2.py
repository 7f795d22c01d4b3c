"""Swin Transformer V2 (Liu et al., CVPR 2022) under timm's parameter names."""

from __future__ import annotations

from mindspore import Tensor, nn
from mindspore.common.initializer import initializer

from mindtune.backbones.swin import SwinArchitecture, SwinTransformer
from mindtune.layers.cosine_window_attention import CosineWindowAttention
from mindtune.layers.depth_init import start_by_depth
from mindtune.layers.drop_path import drop_path
from mindtune.layers.mlp import Mlp
from mindtune.layers.norm import LayerNorm
from mindtune.layers.patch_merging import PatchMergingPostNorm
from mindtune.layers.recalibration import NoRecalibration
from mindtune.layers.windows import Windows
from mindtune.preprocessing import Preprocessing

_NORM_START = 1e-5  # of both norms of a block, so that a block begins close to the identity


class SwinV2Block(nn.Cell):
    """Post-norm block: ``x + norm1(attn(x))`` in windows, then ``x + psrp(x, norm2(mlp(x)))``.

    Tokens (B, HW, C) -> (B, HW, C). The norms start at a scale of 1e-5, as Feature Distillation's
    do (timm's and Microsoft's start at 0). No paper recalibrates this block: ``psrp`` acts on what
    the block is about to add, as in the others.
    """

    def __init__(
        self, arch: SwinArchitecture, num_heads: int, windows: Windows, drop_rate: float
    ) -> None:
        super().__init__()
        dim = windows.dim
        self.windows = windows
        self.attn = CosineWindowAttention(dim, num_heads, windows)
        self.norm1 = LayerNorm(dim, arch.norm_eps)
        self.mlp = Mlp(dim, int(dim * arch.mlp_ratio))
        self.norm2 = LayerNorm(dim, arch.norm_eps)
        self.psrp: nn.Cell = NoRecalibration(dim)
        self.drop_path1 = drop_path(drop_rate)
        self.drop_path2 = drop_path(drop_rate)
        for norm in (self.norm1, self.norm2):
            norm.weight.set_data(initializer(_NORM_START, (dim,)))

    def construct(self, x: Tensor) -> Tensor:
        mixed = self.windows.join(self.attn(self.windows.split(x)))
        x = x + self.drop_path1(self.norm1(mixed))
        return x + self.drop_path2(self.psrp(x, self.norm2(self.mlp(x))))


class SwinTransformerV2(SwinTransformer):
    """Swin with cosine attention, a continuous position bias and norms after each branch.

    Inputs, outputs and attributes are those of ``SwinTransformer``. The students of Feature
    Distillation (arXiv 2205.14141, section 4) have this form; no bias table needs resizing when
    windows change.
    """

    block_type = SwinV2Block
    merging_type = PatchMergingPostNorm

    def __init__(
        self,
        arch: SwinArchitecture,
        preprocessing: Preprocessing,
        drop_path: float = 0.0,
    ) -> None:
        super().__init__(arch, preprocessing, drop_path)
        start_by_depth(self.blocks)
