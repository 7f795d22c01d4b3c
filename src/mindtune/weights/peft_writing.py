"""LoRA adapters of Hugging Face's PEFT for a ViT, written."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mindtune.errors import CheckpointError, WeightsError
from mindtune.files import write_atomically
from mindtune.weights.low_rank import WHOLE, LowRankUpdate
from mindtune.weights.peft_adapter import PREFIX, TENSORS
from mindtune.weights.peft_config import CONFIG, AdapterConfig, adapter_config_text
from mindtune.weights.peft_names import LAYOUTS, Place, modules_of
from mindtune.weights.save import save_safetensors

HEAD = "head"
_WORDS = {  # what a module's name ends in, for the list of targets
    "v4": {
        "q": "query",
        "k": "key",
        "v": "value",
        "attn.proj": "attention.output.dense",
        "mlp.fc1": "intermediate.dense",
        "mlp.fc2": "output.dense",  # ends attention.output.dense as well
    },
    "v5": {
        "q": "q_proj",
        "k": "k_proj",
        "v": "v_proj",
        "attn.proj": "o_proj",
        "mlp.fc1": "fc1",
        "mlp.fc2": "fc2",
    },
}


def write_adapter(
    folder: Path,
    config: AdapterConfig,
    updates: Sequence[LowRankUpdate],
    values: Mapping[tuple[str, str], np.ndarray],
    num_blocks: int,
    layouts: Sequence[str] = tuple(LAYOUTS),
) -> int:
    """Write ``adapter_model.safetensors`` and ``adapter_config.json`` into ``folder``.

    A file with both sets of names loads with transformers 4 and 5 alike; peft ignores the other's.

    Args:
        folder: made where it is missing.
        config: settings; one rank and factor for all.
        updates: of a ViT, by this package's names.
        values: head and biases, as in ``Adapter``.
        num_blocks: of the network, whether updated or not.
        layouts: ``v4``, ``v5`` or both.

    Returns:
        How many tensors were written.

    Raises:
        WeightsError: an update or value which Hugging Face's ViT has no name for.
        CheckpointError: the folder cannot be written.
    """
    tensors: dict[str, np.ndarray] = {}
    updated = {Place(update.layer, update.part) for update in updates}
    for update in updates:
        for module in _modules(Place(update.layer, update.part), layouts):
            tensors[f"{PREFIX}{module}.lora_A.weight"] = update.down
            tensors[f"{PREFIX}{module}.lora_B.weight"] = update.up
    for (name, part), value in values.items():
        layer, _, kind = name.rpartition(".")
        place = Place(layer, part)
        inner = "base_layer." if place in updated else ""
        for module in _modules(place, layouts):
            tensors[f"{PREFIX}{module}.{inner}{kind}"] = value
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CheckpointError(
            f"{folder}: cannot be made ({error.strerror}); choose another folder"
        ) from error
    has_head = any(name.rpartition(".")[0] == HEAD for name, _ in values)
    text = adapter_config_text(config, target_modules(updates, num_blocks, layouts), has_head)
    save_safetensors(folder / TENSORS, tensors, {"format": "pt"})
    write_atomically(folder / CONFIG, text.encode())
    return len(tensors)


def _modules(place: Place, layouts: Sequence[str]) -> list[str]:
    known = modules_of(place)
    if not known:
        raise WeightsError(
            f"adapter: got {place.layer} ({place.part}), which a Hugging Face ViT does not have, "
            "expected layers of a ViT; convert with --to safetensors-timm, which merges the updates"
        )
    return list(dict.fromkeys(module for layout, module in known.items() if layout in layouts))


def target_modules(
    updates: Sequence[LowRankUpdate], num_blocks: int, layouts: Sequence[str]
) -> list[str] | str:
    """What peft is told to wrap: last words where these say it exactly, else a regular expression.

    They do not where blocks differ, nor for the last layer of the perceptron without the output of
    attention: the former's name in transformers 4 ends the latter's.
    """
    by_block: dict[str, set[str]] = {}
    for update in updates:
        block, _, layer = update.layer.partition("blocks.")[2].partition(".")
        kind = layer if update.part == WHOLE else update.part
        by_block.setdefault(block, set()).add(kind)
    kinds = next(iter(by_block.values()))
    in_all_blocks = len(by_block) == num_blocks and all(k == kinds for k in by_block.values())
    ambiguous = "mlp.fc2" in kinds and "attn.proj" not in kinds and "v4" in layouts
    if in_all_blocks and not ambiguous:
        return [_WORDS[layout][kind] for layout in layouts for kind in sorted(kinds)]
    modules = [m for u in updates for m in _modules(Place(u.layer, u.part), layouts)]
    return "|".join(map(re.escape, modules))
