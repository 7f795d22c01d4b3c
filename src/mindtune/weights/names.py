"""Bring the tensors of a file, and the parameters of a network, to timm's names."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from mindtune.errors import WeightsError
from mindtune.weights.name_map import Entry, NameMap
from mindtune.weights.name_maps import NAME_MAPS
from mindtune.weights.networks import trained_network

_MINDSPORE_NAMES = {  # of normalisation layers; only where both of a pair are there
    ("gamma", "beta"): ("weight", "bias"),
    ("moving_mean", "moving_variance"): ("running_mean", "running_var"),
}
_COUNTER = "num_batches_tracked"  # of torch's batch norms: state of a training, no weight
_ADAPTERS = ({"weight"}, {"weight", "bias"})  # one linear layer saved by itself (AMU-Tuning)
_RESNET_CLASSIFIER = {"fc.weight": "head.weight", "fc.bias": "head.bias"}
_OF_A_RESNET = "layer1.0.conv1.weight"
_PARTS = (  # mask token of iBOT and SMKD, second head of EsViT, projector of a distilled student
    ("masked_embed",),
    ("head_dense",),
    ("projector",),
)


@dataclass(frozen=True)
class Renamed:
    """Tensors under timm's names.

    Attributes:
        tensors: by timm's name, or their own where no table has it.
        unused: the file's own names of tensors with no place in a timm network.
        source: whose names they had; empty for timm's.
        parts: groups of names which a network may have none of (``NameMap.parts``).
    """

    tensors: dict[str, np.ndarray]
    unused: tuple[str, ...]
    source: str
    parts: tuple[tuple[str, ...], ...] = ()


def to_timm(tensors: Mapping[str, np.ndarray]) -> Renamed:
    """Tensors of any known source under timm's names; names not in a table are kept.

    Of files with several networks it is the trained one (``mindtune.weights.networks``).

    Raises:
        WeightsError: a tensor with another number of axes than its source has, a fused tensor with
            a part missing, or two tensors for one name.
    """
    network = trained_network(tensors)
    network = {name: short for name, short in network.items() if not name.endswith(_COUNTER)}
    names = canonical_names(network.values())
    bare = {names[short]: tensors[name] for name, short in network.items()}
    left = tuple(name for name in tensors if name not in network)
    for table in NAME_MAPS:
        if table.recognises(bare):
            renamed = _apply(table, bare)
            return replace(renamed, unused=(*renamed.unused, *left), parts=(*table.parts, *_PARTS))
    return Renamed(bare, left, "", _PARTS)


def canonical_names(names: Iterable[str]) -> dict[str, str]:
    """Each name without the words that say nothing about the layer.

    ``module.`` (data parallel) goes when all names carry it, ``backbone.`` when leaving it out
    makes no two names equal; MindSpore's ``gamma``/``beta`` and ``moving_mean``/``moving_variance``
    become ``weight``/``bias`` and ``running_mean``/``running_var``. A linear layer alone is called
    ``fc``, a ResNet's classifier ``head``. The same is done to files and to networks, so neither
    needs to know how the other one is wrapped.
    """
    result = {name: name for name in names}
    if set(result) in _ADAPTERS:
        return {name: f"fc.{name}" for name in result}
    if all(name.startswith("module.") for name in result):
        result = {name: _without(name, "module.") for name in result}
    bare = {name: _without(short, "backbone.") for name, short in result.items()}
    result = _if_distinct(bare, result)
    taken = set(result.values())
    torch_names = {name: _torch_name(short, taken) for name, short in result.items()}
    result = _if_distinct(torch_names, result)
    if _OF_A_RESNET not in result.values():
        return result
    return {name: _RESNET_CLASSIFIER.get(short, short) for name, short in result.items()}


def _if_distinct(new: dict[str, str], old: dict[str, str]) -> dict[str, str]:
    return new if len(set(new.values())) == len(new) else old


def _without(name: str, prefix: str) -> str:
    return name[len(prefix) :] if name.startswith(prefix) else name


def _torch_name(name: str, taken: set[str]) -> str:
    layer, dot, last = name.rpartition(".")
    for pair, renamed in _MINDSPORE_NAMES.items():
        if last in pair and all(f"{layer}{dot}{word}" in taken for word in pair):
            return f"{layer}{dot}{renamed[pair.index(last)]}"
    return name


def _apply(table: NameMap, tensors: Mapping[str, np.ndarray]) -> Renamed:
    patterns = [(_pattern(entry.source), entry) for entry in table.entries]
    beginnings = [_pattern(name) for name in table.unused]
    parts: dict[str, dict[int, np.ndarray]] = defaultdict(dict)
    unused = []
    for name, array in tensors.items():
        short = name
        for prefix in table.prefixes:
            short = _without(short, prefix)
        if any(beginning.match(short) for beginning in beginnings):
            unused.append(name)
            continue
        order, target, tensor = _place(patterns, name, short, array)
        if order in parts[target]:
            raise WeightsError(f"tensor {name!r}: there are two of it (with and without a prefix)")
        parts[target][order] = tensor
    stacked = {target: _stack(target, found) for target, found in parts.items()}
    return Renamed(stacked, tuple(unused), table.source)


def _pattern(source: str) -> re.Pattern[str]:
    escaped = re.escape(source)
    for letter in "ij":
        escaped = escaped.replace(rf"\{{{letter}\}}", rf"(?P<{letter}>\d+)")
    return re.compile(escaped)


def _place(
    patterns: list[tuple[re.Pattern[str], Entry]], name: str, short: str, array: np.ndarray
) -> tuple[int, str, np.ndarray]:
    """Which part of which timm tensor ``array`` is, and that part; unknown names stay as ``short``,
    without the prefix."""
    for order, (pattern, entry) in enumerate(patterns):
        match = pattern.fullmatch(short)
        if match is None:
            continue
        if entry.layout.ndim not in (None, array.ndim):
            raise WeightsError(
                f"tensor {name!r}: got shape {array.shape}, expected {entry.layout.ndim} axes; the "
                "file is damaged or of another layout"
            )
        return order, _target(entry, match.groupdict()), entry.layout.to_timm(array)
    return len(patterns), short, array


def _target(entry: Entry, numbers: Mapping[str, str]) -> str:
    """The timm name with the ``numbers`` of the source's, by letter."""
    target = entry.target
    for letter, number in numbers.items():
        target = target.replace(f"{{{letter}}}", number)
        target = target.replace(f"{{{letter}+1}}", str(int(number) + 1))
    return target


def _stack(target: str, found: Mapping[int, np.ndarray]) -> np.ndarray:
    """The parts of a tensor one below the other, in the order of the table."""
    parts = [found[order] for order in sorted(found)]
    if len(parts) == 1:
        return parts[0]
    if len({part.shape[1:] for part in parts}) > 1 or parts[0].ndim == 0:
        shapes = ", ".join(str(part.shape) for part in parts)
        raise WeightsError(
            f"tensor {target!r}: got parts of shapes {shapes}, expected equal ones; the file is "
            "damaged"
        )
    return np.concatenate(parts)
