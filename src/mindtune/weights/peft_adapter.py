"""LoRA adapters of Hugging Face's PEFT for a ViT: a folder of tensors and settings, read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mindtune.errors import WeightsError
from mindtune.weights.low_rank import (
    SLOT,
    WHOLE,
    LowRankUpdate,
    bias_name,
    merged,
    rows_of,
)
from mindtune.weights.peft_config import AdapterConfig, read_adapter_config
from mindtune.weights.peft_names import Place, layout_and_place, modules_of
from mindtune.weights.readers import read_tensors

TENSORS = "adapter_model.safetensors"
_FILES = (TENSORS, "adapter_model.bin")  # in the order in which they are looked for
PREFIX = "base_model.model."
_MATRIX = re.compile(r"(?P<module>.+)\.lora_(?P<which>[AB])(?:\.default)?\.weight")
_VALUE = re.compile(r"(?P<module>.+?)(?:\.base_layer)?\.(?P<kind>weight|bias)")
_STRAY = re.compile(r".+\.(?:original_module|modules_to_save)\.bias")  # of PEFT with bias "all"


@dataclass(frozen=True)
class Adapter:
    """An adapter in this package's words.

    Attributes:
        folder: where it was read.
        config: its settings.
        updates: what is added to weights.
        values: what takes the place of a parameter, or of a part of a packed one: the head, biases
            that were trained. By tensor name and part.
    """

    folder: Path
    config: AdapterConfig
    updates: tuple[LowRankUpdate, ...]
    values: dict[tuple[str, str], np.ndarray]


def read_adapter(folder: Path | str) -> Adapter:
    """Read an adapter written by peft 0.3 or later with any transformers names, or by this package.

    Raises:
        WeightsError: no such folder, a variant other than plain LoRA, a tensor whose place is not
            known, half an update, or two sets of names that differ.
    """
    folder = Path(folder)
    config = read_adapter_config(folder)
    file = next((folder / name for name in _FILES if (folder / name).is_file()), None)
    if file is None:
        raise WeightsError(
            f"adapter {folder}: got no {' or '.join(_FILES)}, expected one; copy the whole folder"
        )
    matrices: dict[tuple[Place, str], np.ndarray] = {}
    values: dict[tuple[str, str], np.ndarray] = {}
    for key, array in read_tensors(file).tensors.items():
        name = key[len(PREFIX) :] if key.startswith(PREFIX) else key
        if _STRAY.fullmatch(name):
            continue
        place, what, is_matrix = _placed(file, key, name)
        if is_matrix:
            _put(file, matrices, (place, what), array)
        else:
            _put(file, values, (f"{place.layer}.{what}", place.part), array)
    return Adapter(folder, config, _updates(file, config, matrices), values)


def _placed(file: Path, key: str, name: str) -> tuple[Place, str, bool]:
    """The place of a tensor, which of its tensors it is, and whether it is a matrix of LoRA."""
    for pattern, group in ((_MATRIX, "which"), (_VALUE, "kind")):
        match = pattern.fullmatch(name)
        found = layout_and_place(match["module"]) if match else None
        if match is not None and found is not None:
            return found[1], match[group], pattern is _MATRIX
    raise WeightsError(
        f"adapter {file}: got a tensor {key!r}, expected those of LoRA on a Hugging Face ViT and "
        "its classifier"
    )


def _put(file: Path, known: dict, key: tuple, array: np.ndarray) -> None:
    """Note a tensor; a second one for the same place, under another name, must be equal."""
    if key in known and not np.array_equal(known[key], array):
        raise WeightsError(
            f"adapter {file}: got two different tensors for {key}, under the names of transformers "
            "4 and 5, expected equal ones; keep one set"
        )
    known[key] = array


def _updates(
    file: Path, config: AdapterConfig, matrices: Mapping[tuple[Place, str], np.ndarray]
) -> tuple[LowRankUpdate, ...]:
    updates = []
    for place in dict.fromkeys(place for place, _ in matrices):
        down, up = matrices.get((place, "A")), matrices.get((place, "B"))
        if down is None or up is None or down.shape[0] != up.shape[1]:
            raise WeightsError(
                f"adapter {file}: got half an update of {place.layer} ({place.part}), or an A and "
                "a B of different rank; copy the file again"
            )
        scale = config.scale(modules_of(place).values(), down.shape[0])
        updates.append(LowRankUpdate(place.layer, place.part, down, up, scale))
    if not updates:
        raise WeightsError(f"adapter {file}: got no matrices of LoRA, expected lora_A and lora_B")
    return tuple(updates)


def with_values(tensors: Mapping[str, np.ndarray], adapter: Adapter) -> dict[str, np.ndarray]:
    """``tensors`` (timm's names) with the head and biases of ``adapter`` in their places.

    Raises:
        WeightsError: a part of a tensor that is not there.
    """
    result = dict(tensors)
    for (name, part), value in adapter.values.items():
        if part == WHOLE:
            result[name] = value
            continue
        if name not in result:
            raise WeightsError(f"adapter {adapter.folder}: got {name}, which the weights lack")
        result[name] = np.array(result[name], np.float32)
        result[name][rows_of(part, value.shape[0])] = value
    return result


def merged_adapter(tensors: Mapping[str, np.ndarray], adapter: Adapter) -> dict[str, np.ndarray]:
    """``tensors`` (timm's names) with the whole adapter in its weights.

    Raises:
        WeightsError: an update that does not fit.
    """
    return merged(with_values(tensors, adapter), adapter.updates)


def beside_weights(
    tensors: Mapping[str, np.ndarray], adapter: Adapter, own_biases: bool
) -> dict[str, np.ndarray]:
    """``tensors`` (timm's names) and the updates beside them, to go on training the adapter.

    Args:
        tensors: of the base.
        adapter: what to put beside them.
        own_biases: keep what the adapter's biases differ by in parameters of the updates
            (``bias: lora_only``), rather than in the biases themselves.
    """
    result = with_values(tensors, adapter)
    trained = dict(result)
    for update in adapter.updates:
        stem = f"{update.layer}.{SLOT}.{update.part}"
        result[f"{stem}.A"], result[f"{stem}.B"] = update.down, update.up
        name = bias_name(update.layer, update.part, tensors)
        if own_biases and name is not None:
            rows = rows_of(update.part, update.up.shape[0])
            result[f"{stem}.bias"] = trained[name][rows] - tensors[name][rows]
            result[name] = tensors[name]
    return result
