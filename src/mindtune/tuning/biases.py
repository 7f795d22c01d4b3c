"""Train the biases: BitFit (Ben Zaken et al., ACL 2022), and LoRA's ``bias: all``."""

from __future__ import annotations

from mindspore import Parameter, nn

from mindtune.parameters import named_weights


def biases_of(backbone: nn.Cell) -> list[Parameter]:
    """Every bias of linear maps, convolutions and norms, in the order of the layers.

    Those named ``bias``, and the ``q_bias``, ``v_bias`` and ``in_proj_bias`` of attentions. PEFT
    takes every parameter with ``bias`` in its name, which makes it train Swin's tables of relative
    positions too; they are no biases of a layer.
    """
    return [
        parameter
        for name, parameter in named_weights(backbone).items()
        if f"_{name.rpartition('.')[2]}".endswith("_bias")
    ]


def train_biases(backbone: nn.Cell) -> list[Parameter]:
    """``bias``: all biases of the backbone train."""
    return biases_of(backbone)
