"""Add the updates of LoRA to the weights beside which they lie, and take them out again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from mindspore import Tensor, nn

from mindtune.parameters import named_weights
from mindtune.tuning.lora import LoRA
from mindtune.weights.low_rank import SLOT, LowRankUpdate, bias_name, merged, weight_name


def merge_lora(network: nn.Cell) -> list[LowRankUpdate]:
    """Add every update to its weight and set it to zero: the same function, no update at work.

    The network keeps its Cells, so that graphs compiled before stay right. Files without any trace
    of LoRA come from ``export.py`` and ``scripts/convert_weights.py``.

    Returns:
        What was merged, for ``unmerge_lora``.
    """
    updates = lora_updates(network)
    _add(network, updates)
    _set(network, [replace(u, up=0 * u.up, bias=_times(u, 0)) for u in updates])
    return updates


def unmerge_lora(network: nn.Cell, updates: Sequence[LowRankUpdate]) -> None:
    """Undo ``merge_lora``, which returned ``updates``.

    Weights come back up to the rounding of one addition and one subtraction in float32.
    """
    _add(network, [replace(u, scale=-u.scale, bias=_times(u, -1)) for u in updates])
    _set(network, updates)


def lora_updates(network: nn.Cell) -> list[LowRankUpdate]:
    """The updates of ``network`` as arrays, from the input up."""
    updates = []
    for place, cell in network.cells_and_names():
        if not isinstance(cell, LoRA):
            continue
        layer = place[: -len(f".{SLOT}")]
        for part, low_rank in cell.name_cells().items():
            values = {name: p.asnumpy() for name, p in named_weights(low_rank).items()}
            if "A" in values:
                bias = values.get("bias")
                update = LowRankUpdate(layer, part, values["A"], values["B"], cell.scale, bias)
                updates.append(update)
    return updates


def _add(network: nn.Cell, updates: Sequence[LowRankUpdate]) -> None:
    parameters = named_weights(network)
    touched = [weight_name(u.layer, parameters) for u in updates]
    touched += [n for u in updates if (n := bias_name(u.layer, u.part, parameters)) is not None]
    tensors = {name: parameters[name].asnumpy() for name in touched}
    for name, array in merged(tensors, updates).items():
        parameters[name].set_data(Tensor(array))


def _set(network: nn.Cell, updates: Sequence[LowRankUpdate]) -> None:
    """Give the network's B and biases the values of ``updates``."""
    parameters = named_weights(network)
    for update in updates:
        stem = f"{update.layer}.{SLOT}.{update.part}"
        parameters[f"{stem}.B"].set_data(Tensor(update.up))
        if update.bias is not None:
            parameters[f"{stem}.bias"].set_data(Tensor(update.bias))


def _times(update: LowRankUpdate, factor: float) -> np.ndarray | None:
    return None if update.bias is None else factor * update.bias
