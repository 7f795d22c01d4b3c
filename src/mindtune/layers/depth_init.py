"""Starting weights that depend on how deep a block lies."""

from __future__ import annotations

import math
from collections.abc import Iterable

from mindspore import nn
from mindspore.common.initializer import Initializer, Normal, TruncatedNormal, initializer

from mindtune.layers.patch_embed import PatchProjection

_STD = 0.02


def start_by_depth(blocks: Iterable[nn.Cell]) -> None:
    """Divide the last layer of both branches of block i (from 1) by sqrt(2 i) at the start.

    BEiT (Bao et al., ICLR 2022) and the Swin V2 of Feature Distillation do this, the weights being
    normal of std 0.02.
    """
    for weight, scale in _last_layers(blocks):
        weight.set_data(initializer(Normal(_STD * scale), weight.shape))


def start_narrow_by_depth(network: nn.Cell, blocks: Iterable[nn.Cell]) -> None:
    """The same with every linear layer of ``network`` cut at one standard deviation, 0.02.

    The first phase of Feature Distillation starts its ViT so; what is left has a std of 0.0108.
    """
    for _, cell in network.cells_and_names():
        if isinstance(cell, (nn.Dense, PatchProjection)):
            cell.weight.set_data(initializer(_cut_normal(1.0), cell.weight.shape))
    for weight, scale in _last_layers(blocks):
        weight.set_data(initializer(_cut_normal(scale), weight.shape))


def _last_layers(blocks: Iterable[nn.Cell]) -> list[tuple[nn.Parameter, float]]:
    pairs = []
    for number, block in enumerate(blocks, 1):
        scale = 1 / math.sqrt(2 * number)
        pairs += [(block.attn.proj.weight, scale), (block.mlp.fc2.weight, scale)]
    return pairs


def _cut_normal(scale: float) -> Initializer:
    sigma = _STD * scale
    return TruncatedNormal(sigma=sigma, a=-sigma, b=sigma)
