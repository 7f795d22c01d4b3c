"""Memory for time: what a block computed is forgotten and computed again on the way back."""

from __future__ import annotations

from mindspore import nn


def recompute_blocks(backbone: nn.Cell) -> None:
    """Keep only the inputs of the blocks of ``backbone`` for its gradients.

    Random layers draw the same numbers again, since these are a function of the step. Chen et al.,
    "Training deep nets with sublinear memory cost", 2016; Feature Distillation's
    ``--use-checkpoint``, which skips the blocks of its Swin when fine-tuning.
    """
    for block in backbone.blocks:
        block.recompute()
