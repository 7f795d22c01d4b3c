"""Linear maps of Hugging Face's ViT, as its PEFT adapters name them, and here."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass

from mindtune.weights.low_rank import PACKED, WHOLE
from mindtune.weights.name_map import NameMap
from mindtune.weights.name_maps import HUGGING_FACE_VIT_5, WRITTEN_HUGGING_FACE_VIT

LAYOUTS = {"v4": WRITTEN_HUGGING_FACE_VIT, "v5": HUGGING_FACE_VIT_5}  # of transformers 4 and 5
_WEIGHT = ".weight"
_BACKBONE = "vit."  # left out where an adapter was trained on a bare ViTModel


@dataclass(frozen=True)
class Place:
    """A linear map here, or a part of a packed one: ``blocks.0.attn.qkv`` and ``q``."""

    layer: str
    part: str


def _modules(table: NameMap) -> list[tuple[str, Place]]:
    """Names of modules with a weight, ``{i}`` standing for the block, and their places."""
    sources: dict[str, list[str]] = defaultdict(list)
    for entry in table.entries:
        if entry.target.endswith(_WEIGHT):
            sources[entry.target[: -len(_WEIGHT)]].append(entry.source[: -len(_WEIGHT)])
    return [
        (module, Place(layer, part))
        for layer, modules in sources.items()
        for module, part in zip(modules, PACKED if len(modules) == len(PACKED) else (WHOLE,))
    ]


_MODULES = {layout: _modules(table) for layout, table in LAYOUTS.items()}


def layout_and_place(module: str) -> tuple[str, Place] | None:
    """Whose name ``module`` is, and what it is here; None: it is no linear map or norm of a ViT.

    What both layouts call the same, such as the head, is of the first.
    """
    for layout, modules in _MODULES.items():
        for template, place in modules:
            for prefixed in (module, f"{_BACKBONE}{module}"):
                match = re.fullmatch(re.escape(template).replace(r"\{i\}", r"(\d+)"), prefixed)
                if match is not None:
                    number = match.group(1) if match.groups() else ""
                    return layout, Place(place.layer.replace("{i}", number), place.part)
    return None


def modules_of(place: Place) -> dict[str, str]:
    """The name of ``place`` in each layout; empty: it has none."""
    number = re.search(r"(?<=blocks\.)\d+", place.layer)
    block = number.group() if number else ""
    general = Place(re.sub(r"(?<=blocks\.)\d+", "{i}", place.layer), place.part)
    return {
        layout: template.replace("{i}", block)
        for layout, modules in _MODULES.items()
        for template, found in modules
        if found == general
    }
