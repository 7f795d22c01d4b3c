"""The linear maps of a backbone that a tuning may update, under one set of names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mindspore import nn

from mindtune.errors import ConfigError
from mindtune.layers.attention import Attention
from mindtune.layers.packed_attention import PackedAttention
from mindtune.weights.low_rank import PACKED, SLOT, WHOLE

_NAMES = {  # of other libraries, by the words of timm's ViT
    "q_proj": "q", "k_proj": "k", "v_proj": "v", "out_proj": "proj",
    "mlp.c_fc": "mlp.fc1", "mlp.c_proj": "mlp.fc2", "attnpool.c_proj": "attnpool.proj",
}  # fmt: skip
_ADDED = {"psrp", SLOT}  # what tunings have put into the backbone


@dataclass(frozen=True)
class Projection:
    """One linear map, or one part of a packed one.

    Attributes:
        path: its place with its last word in timm's, parts of a packed projection by their own:
            ``blocks.0.attn.q``, ``blocks.0.mlp.fc1``.
        place: of the Cell which holds the weight: ``blocks.0.attn.qkv``.
        part: ``whole``, or ``q``, ``k``, ``v`` of a packed one.
        in_channels: width of what it reads.
        out_channels: width of what it gives, of this part alone.
        rows_per_image: how many entries of its input's first axis an image has.
    """

    path: str
    place: str
    part: str
    in_channels: int
    out_channels: int
    rows_per_image: int


def projections(backbone: nn.Cell) -> list[Projection]:
    """Every dense layer and packed projection, from the input up; what tunings added left out."""
    found: list[Projection] = []
    cells = dict(backbone.cells_and_names())
    for place, cell in cells.items():
        parent, _, word = place.rpartition(".")
        owner = cells.get(parent, backbone)
        rows = getattr(owner, "rows_per_image", 1)
        if _ADDED.intersection(place.split(".")):
            continue
        if isinstance(cell, PackedAttention):
            found += _parts(place, place, cell.dim, cell.rows_per_image)
        elif isinstance(cell, nn.Dense) and isinstance(owner, Attention) and word == "qkv":
            found += _parts(parent, place, owner.dim, rows)
        elif isinstance(cell, nn.Dense):
            widths = (cell.in_channels, cell.out_channels)
            found.append(Projection(_in_timm_words(place), place, WHOLE, *widths, rows))
    return found


def _parts(attention: str, place: str, dim: int, rows: int) -> list[Projection]:
    return [Projection(f"{attention}.{part}", place, part, dim, dim, rows) for part in PACKED]


def _in_timm_words(place: str) -> str:
    for theirs, timms in _NAMES.items():
        if f".{place}".endswith(f".{theirs}"):
            return place[: -len(theirs)] + timms
    return place


def choose_projections(
    backbone: nn.Cell, targets: Sequence[str] | str, option: str
) -> list[Projection]:
    """Those that ``targets`` name.

    Args:
        backbone: any.
        targets: last words of a path (or more, such as ``attn.proj``), or one regular expression
            that a whole path must match, as Hugging Face's PEFT reads them.
        option: what to call ``targets`` in messages.

    Raises:
        ConfigError: no regular expression, or one that nothing matches; a name that nothing has.
    """
    found = projections(backbone)
    if isinstance(targets, str):
        chosen = [p for p in found if _expression(targets, option).fullmatch(p.path)]
        missing = [] if chosen else [targets]
    else:
        chosen = [p for p in found if any(_ends(p.path, name) for name in targets)]
        missing = [n for n in targets if not any(_ends(p.path, n) for p in found)] or (
            [] if targets else ["[]"]
        )
    if missing:
        words = sorted({p.path.rpartition(".")[2] for p in found})
        example = f", such as {found[0].path!r}" if found else ""
        raise ConfigError(
            f"{option}: got {missing[0]!r}, which is no linear layer of "
            f"{type(backbone).__name__}, expected a list of {', '.join(words) or 'nothing here'}, "
            f"or a regular expression for whole names{example}"
        )
    return chosen


def _ends(path: str, name: str) -> bool:
    return f".{path}".endswith(f".{name}")


def _expression(targets: str, option: str) -> re.Pattern[str]:
    try:
        return re.compile(targets)
    except re.error as error:
        raise ConfigError(
            f"{option}: got {targets!r}, which is no regular expression ({error}); mend it, or "
            "give a list of names such as [q,v]"
        ) from error
