"""Tensors of this package's networks under the names of another library."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from mindtune.errors import WeightsError
from mindtune.weights.clip_names import HUGGING_FACE_CLIP, TIMM_CLIP
from mindtune.weights.convnet_names import WRITTEN_HUGGING_FACE_CONVNEXT
from mindtune.weights.fit import covered
from mindtune.weights.name_map import HEAD_BIAS, INTO_HEADS, OUT_OF_HEADS, Entry, NameMap
from mindtune.weights.name_maps import GOOGLE_VIT, WRITTEN_HUGGING_FACE_VIT
from mindtune.weights.names import Renamed
from mindtune.weights.swin_names import WRITTEN_HUGGING_FACE_SWIN

HUGGING_FACE_MAPS = (
    WRITTEN_HUGGING_FACE_VIT,
    WRITTEN_HUGGING_FACE_SWIN,
    WRITTEN_HUGGING_FACE_CONVNEXT,
    HUGGING_FACE_CLIP,
)
TIMM_MAPS = (TIMM_CLIP,)
GOOGLE_MAPS = (GOOGLE_VIT,)
_IN_HEADS = (HEAD_BIAS, INTO_HEADS, OUT_OF_HEADS)
_MOST_NAMES = 5
_NEXT = "_next"  # ends the name of a group whose number is one more than the source's
_HEAD_WIDTH = 64  # channels of a head in every published ViT but H/14

Group = tuple[Entry, ...]


def from_timm(
    tensors: Mapping[str, np.ndarray], table: NameMap, num_heads: int | None = None
) -> Renamed:
    """The inverse of ``to_timm``: tensors under timm's names in those of ``table``.

    Optional parts of which the table has no entry at all (CLIP's texts among timm's names) are left
    out and listed as unused.

    Args:
        tensors: by this package's names.
        table: of the wanted source.
        num_heads: attention heads, where the source lays heads out apart; default: width / 64.

    Raises:
        WeightsError: a tensor which has no place in the table, or cannot be laid out so.
    """
    groups = [(_pattern(target), group) for target, group in _by_target(table).items()]
    renamed: dict[str, np.ndarray] = {}
    homeless = []
    apart = any(entry.layout in _IN_HEADS for entry in table.entries)
    heads = (num_heads or _heads_of(tensors)) if apart else 1
    for name, array in tensors.items():
        found = next(((m, g) for p, g in groups if (m := p.fullmatch(name)) is not None), None)
        if found is None:
            homeless.append(name)
            continue
        match, group = found
        renamed.update(_parts(name, array, group, _numbers(match), heads))
    targets = [entry.target for entry in table.entries]
    absent = [part for part in table.parts if not any(covered(t, part) for t in targets)]
    optional = [prefix for part in absent for prefix in part]
    lost = [name for name in homeless if not covered(name, optional)]
    if lost:
        raise WeightsError(
            f"{len(lost)} tensors have no place among {table.source} names: "
            f"{', '.join(lost[:_MOST_NAMES])}{', ...' if len(lost) > _MOST_NAMES else ''}; leave "
            "them out with --without, or choose another form"
        )
    return Renamed(renamed, tuple(homeless), table.source)


def table_for(tensors: Mapping[str, np.ndarray], tables: Sequence[NameMap]) -> NameMap | None:
    """The table in whose blocks most of ``tensors`` have a place; None: none has a block of them.

    Stem, norm and head have the same names in networks of different kinds.
    """
    counts = []
    for table in tables:
        patterns = [_pattern(target) for target in _by_target(table) if "{" in target]
        counts.append(sum(any(p.fullmatch(name) for p in patterns) for name in tensors))
    best = max(counts, default=0)
    return tables[counts.index(best)] if best > 0 else None


def _by_target(table: NameMap) -> dict[str, Group]:
    """Entries by the timm name which they make together, in the order of the table."""
    groups: dict[str, list[Entry]] = defaultdict(list)
    for entry in table.entries:
        groups[entry.target].append(entry)
    return {target: tuple(group) for target, group in groups.items()}


def _pattern(target: str) -> re.Pattern[str]:
    escaped = re.escape(target)
    for letter in "ij":
        escaped = escaped.replace(rf"\{{{letter}\}}", rf"(?P<{letter}>\d+)")
        escaped = escaped.replace(rf"\{{{letter}\+1\}}", rf"(?P<{letter}{_NEXT}>\d+)")
    return re.compile(escaped)


def _numbers(match: re.Match[str]) -> dict[str, str]:
    """The numbers of the source by letter; where the target says one more, one less."""
    found = match.groupdict()
    less = {name[0]: str(int(n) - 1) for name, n in found.items() if name.endswith(_NEXT)}
    return {name: n for name, n in found.items() if not name.endswith(_NEXT)} | less


def _parts(
    name: str, array: np.ndarray, group: Group, numbers: Mapping[str, str], heads: int
) -> dict[str, np.ndarray]:
    """``array`` cut into the parts which the source keeps apart, each laid out as there."""
    if len(group) > 1 and (array.ndim == 0 or array.shape[0] % len(group)):
        raise WeightsError(
            f"tensor {name!r}: got shape {array.shape}, expected {len(group)} equal parts"
        )
    pieces = np.split(array, len(group)) if len(group) > 1 else [array]
    parts = {}
    for entry, piece in zip(group, pieces):
        source = entry.source
        for letter, number in numbers.items():
            source = source.replace(f"{{{letter}}}", number)
        if entry.layout.from_timm is None:
            raise WeightsError(f"tensor {name!r}: the layout of {source!r} cannot be written")
        try:
            parts[source] = entry.layout.from_timm(piece, heads)
        except ValueError as error:
            raise WeightsError(
                f"tensor {name!r}: got shape {array.shape}, which {heads} heads do not divide; "
                "give --num_heads"
            ) from error
    return parts


def _heads_of(tensors: Mapping[str, np.ndarray]) -> int:
    """Width / 64, the width read from the norm after the blocks.

    Raises:
        WeightsError: a width that 64 does not divide.
    """
    width = tensors["norm.weight"].shape[0] if "norm.weight" in tensors else _HEAD_WIDTH
    if width % _HEAD_WIDTH:
        raise WeightsError(
            f"num_heads: got a network of width {width}, which heads of {_HEAD_WIDTH} channels do "
            "not divide; give --num_heads"
        )
    return width // _HEAD_WIDTH
