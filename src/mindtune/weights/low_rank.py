"""LoRA among the tensors of a network: found by name, and added to the weights they update.

A linear map ``layer`` with an update has, beside its own tensors, ``layer.lora.PART.A`` (r, in) and
``.B`` (out, r), and ``.bias`` (out,) where its bias trains. PART is ``whole``, or the part of a
packed projection of queries, keys and values: ``q``, ``k`` or ``v``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from mindtune.errors import WeightsError

SLOT = "lora"
WHOLE = "whole"
PACKED = ("q", "k", "v")  # from the top of a packed weight down
_MATRIX = re.compile(rf"(?P<layer>.+)\.{SLOT}\.(?P<part>\w+)\.A")


@dataclass(frozen=True)
class LowRankUpdate:
    """What LoRA adds to one linear map, or to one part of a packed one.

    Attributes:
        layer: place of the linear map, such as ``blocks.0.attn.qkv``.
        part: ``whole``, ``q``, ``k`` or ``v``.
        down: A (r, in).
        up: B (out, r).
        scale: alpha / r, or alpha / sqrt(r).
        bias: what is added to the bias (out,); None: nothing.
    """

    layer: str
    part: str
    down: np.ndarray
    up: np.ndarray
    scale: float
    bias: np.ndarray | None = None

    def delta(self) -> np.ndarray:
        """What is added to the weight, scale * B A, float32 (out, in)."""
        product = self.up.astype(np.float64) @ self.down.astype(np.float64)
        return (self.scale * product).astype(np.float32)


def scale_of(rank: int, alpha: float | None, rslora: bool) -> float:
    """The factor of an update: alpha / r (Hu et al., ICLR 2022), or alpha / sqrt(r) (rsLoRA).

    ``alpha`` None: r, which makes the first 1.
    """
    alpha = rank if alpha is None else alpha
    return alpha / math.sqrt(rank) if rslora else alpha / rank


def rows_of(part: str, rows: int) -> slice:
    """Where ``part``, of so many ``rows``, lies in the weight."""
    if part == WHOLE:
        return slice(0, rows)
    first = PACKED.index(part) * rows
    return slice(first, first + rows)


def weight_name(layer: str, names: Iterable[str]) -> str:
    """The weight of ``layer`` among ``names``.

    Raises:
        WeightsError: there is none.
    """
    names = set(names)
    for candidate in (f"{layer}.weight", f"{layer}.in_proj_weight"):
        if candidate in names:
            return candidate
    raise WeightsError(f"LoRA of {layer}: got no weight for it, expected {layer}.weight beside it")


def bias_name(layer: str, part: str, names: Iterable[str]) -> str | None:
    """The bias of ``part`` of ``layer`` among ``names``; None: it has none.

    BEiT and Swin V2 keep the biases of queries and values beside the packed projection.
    """
    names = set(names)
    own = f"{layer.rpartition('.')[0]}.{part}_bias"
    for candidate in (f"{layer}.bias", f"{layer}.in_proj_bias", own):
        if candidate in names:
            return candidate
    return None


def low_rank_updates(tensors: Mapping[str, np.ndarray], scale: float) -> list[LowRankUpdate]:
    """All updates among ``tensors``.

    Raises:
        WeightsError: an A without its B.
    """
    updates = []
    for name, down in tensors.items():
        match = _MATRIX.fullmatch(name)
        if match is None:
            continue
        stem = name[: -len("A")]
        if f"{stem}B" not in tensors:
            raise WeightsError(f"tensor {name!r}: got no {stem}B beside it; the file is damaged")
        bias = tensors.get(f"{stem}bias")
        up = tensors[f"{stem}B"]
        updates.append(LowRankUpdate(match["layer"], match["part"], down, up, scale, bias))
    return updates


def is_of_lora(name: str) -> bool:
    """Whether the tensor ``name`` belongs to an update."""
    return name.split(".")[-3:-2] == [SLOT]


def merged(
    tensors: Mapping[str, np.ndarray], updates: Iterable[LowRankUpdate]
) -> dict[str, np.ndarray]:
    """``tensors`` with ``updates`` added to their weights and biases, and without LoRA's own.

    Raises:
        WeightsError: an update of a layer that is not there, or of another shape.
    """
    result = {name: array for name, array in tensors.items() if not is_of_lora(name)}
    copied: set[str] = set()

    def add(name: str, part: str, delta: np.ndarray) -> None:
        if name not in copied:
            result[name] = np.array(result[name], np.float32)
            copied.add(name)
        rows = rows_of(WHOLE if name.endswith(f".{part}_bias") else part, delta.shape[0])
        if result[name][rows].shape != delta.shape:
            raise WeightsError(
                f"LoRA of {name} ({part}): got an update of shape {delta.shape} for a tensor of "
                f"shape {result[name].shape}; choose the weights that the adapter was made for"
            )
        result[name][rows] += delta

    for update in updates:
        add(weight_name(update.layer, result), update.part, update.delta())
        if update.bias is not None:
            name = bias_name(update.layer, update.part, result)
            if name is None:
                raise WeightsError(f"LoRA of {update.layer}: got a bias for a layer without one")
            add(name, update.part, update.bias)
    return result
