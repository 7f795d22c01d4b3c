"""The first weights of a CLIP that is trained from nothing (Radford et al., ICML 2021)."""

from __future__ import annotations

from collections.abc import Iterable

from mindspore import Parameter, nn
from mindspore.common.initializer import Normal, initializer

from mindtune.backbones.clip import CLIP
from mindtune.backbones.clip_resnet import AttentionPool2d, ModifiedResNetTower


def start_clip(network: CLIP) -> None:
    """Draw the weights anew as OpenAI's code does, scaled by the width of the towers.

    Networks of this package start with deviations of 0.02, made for a width of 768 and more: in a
    narrow tower all images then have nearly the same feature, and the loss does not move.
    Projections and, in a ViT, class token and positions have a deviation of width^-0.5, branches of
    a transformer of depth L end in one of (2 L width)^-0.5. OpenAI draws the blocks of the image
    tower by PyTorch's defaults instead, which are as large within a factor of two.
    """
    width, visual = network.text_arch.width, network.visual
    _draw([network.text_projection], width**-0.5)
    _start_blocks(network.transformer.resblocks, width)
    if isinstance(visual, ModifiedResNetTower):
        _start_pool(visual.attnpool)
        return
    width = visual.class_embedding.shape[0]
    _draw([visual.class_embedding, visual.positional_embedding, visual.proj], width**-0.5)
    patch = visual.conv1.weight
    _draw([patch], (patch.size // patch.shape[0]) ** -0.5)
    _start_blocks(visual.transformer.resblocks, width)


def _start_blocks(blocks: nn.CellList, width: int) -> None:
    last = (2 * len(blocks) * width) ** -0.5
    for block in blocks:
        _draw([block.attn.in_proj_weight], width**-0.5)
        _draw([block.attn.out_proj.weight, block.mlp.c_proj.weight], last)
        _draw([block.mlp.c_fc.weight], (2 * width) ** -0.5)


def _start_pool(pool: AttentionPool2d) -> None:
    layers = (pool.q_proj, pool.k_proj, pool.v_proj, pool.c_proj)
    _draw([layer.weight for layer in layers], pool.c_proj.weight.shape[1] ** -0.5)


def _draw(parameters: Iterable[Parameter], deviation: float) -> None:
    for parameter in parameters:
        drawn = initializer(Normal(deviation), parameter.shape, parameter.dtype)
        parameter.set_data(drawn.init_data())
