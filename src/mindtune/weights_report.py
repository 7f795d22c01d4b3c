"""What a weight file is, in words, and which backbone it fits."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from mindspore.nn.utils import no_init_parameters

from mindtune.backbones import create_backbone, list_backbones
from mindtune.errors import WeightsError
from mindtune.parameters import named_weights
from mindtune.pretrained import read_pretrained
from mindtune.weights.cure import guess_architecture
from mindtune.weights.fit import Fit, Shape, absent_parts, compare, covered
from mindtune.weights.fit_table import count_faults
from mindtune.weights.names import Renamed, canonical_names, to_timm
from mindtune.weights.weight_file import WeightFile

_LAYOUTS = {
    "safetensors": "safetensors",
    "ckpt": "MindSpore checkpoint",
    "npz": "NumPy archive",
    "torch_zip": "torch file (zip)",
    "torch_legacy": "torch file (before torch 1.6)",
    "torch_script": "TorchScript archive",
}
_MOST_TENSORS = 12
_LONGEST_VALUE = 100
_MOST_METADATA = 20
_MOST_FITS = 4
_HEADS = ("head", "fc", "head_dist")


def describe(given: str, key: str | None = None, every_tensor: bool = False) -> list[str]:
    """Lines which say format, source, architecture, tensors, metadata and fitting backbones.

    Args:
        given: a weight file, a run folder or a Hugging Face folder.
        key: which network of a training checkpoint.
        every_tensor: list all names and shapes, not the first twelve.

    Raises:
        WeightsError: the file cannot be read.
        CheckpointError: there is no such file.
    """
    file = read_pretrained(given, key).file
    try:
        renamed = to_timm(file.tensors)
    except WeightsError as error:
        raise WeightsError(f"weights {file.path}: {error}") from error
    kinds = Counter(file.elements.get(name, str(a.dtype)) for name, a in file.tensors.items())
    values = sum(array.size for array in file.tensors.values())
    rows = [
        ("file", f"{file.path} ({_size(file.path) / 2**20:.1f} MiB)"),
        ("format", _LAYOUTS[file.layout] + (f", network {file.key}" if file.key else "")),
        ("names", renamed.source or "timm's, or this package's"),
        ("architecture", guess_architecture(renamed.tensors)),
        ("tensors", f"{len(file.tensors)}, {values:,} values"),
        ("types", ", ".join(f"{kind} ({n})" for kind, n in kinds.most_common())),
        *_metadata(file),
        *_fits(renamed),
    ]
    width = max(len(label) for label, _ in rows)
    lines = [f"{label:<{width}}  {words}" for label, words in rows]
    return [*lines, *_tensors(file, None if every_tensor else _MOST_TENSORS)]


def fitting_backbones(renamed: Renamed) -> dict[str, Fit]:
    """Registered backbones by name, each with its fit, best first; heads are left out."""
    fits = {}
    for name in list_backbones():
        network = _shapes_of(name)
        dropped = (*_HEADS, *absent_parts(network, renamed.parts))
        fits[name] = compare(network, renamed.tensors, (), dropped)
    return dict(sorted(fits.items(), key=lambda item: _faults(item[1])))


@cache
def _shapes_of(backbone: str) -> dict[str, Shape]:
    """Names and shapes of a registered backbone's weights, which are never filled."""
    with no_init_parameters():
        weights = named_weights(create_backbone(backbone))
    names = canonical_names(weights)
    return {names[name]: tuple(parameter.shape) for name, parameter in weights.items()}


def _faults(fit: Fit) -> tuple[int, int]:
    faults = len(fit.missing) + len(fit.unexpected) + len(fit.misshaped)
    return (0 if fit.is_whole else faults + 1, len(fit.resized))


def _fits(renamed: Renamed) -> list[tuple[str, str]]:
    fits = fitting_backbones(renamed)
    whole = [name for name, fit in fits.items() if fit.is_whole]
    if not whole:
        nearest, fit = next(iter(fits.items()))
        share = len(fit.loaded) / max(len(fit.loaded) + len(fit.missing) + len(fit.misshaped), 1)
        near = f"; the nearest is {nearest}: {count_faults(fit)}" if share > 0.5 else ""
        return [("fits", f"no registered backbone{near}")]
    rows = [("fits", ", ".join(whole[:_MOST_FITS]))]
    if fits[whole[0]].resized:
        rows[0] = ("fits", f"{rows[0][1]} (another image size: positions would be resized)")
    heads = [name for name in renamed.tensors if covered(name, _HEADS)]
    if heads:
        rows.append(("head", _head(renamed.tensors, heads)))
    return rows


def _head(tensors: Mapping[str, np.ndarray], names: Sequence[str]) -> str:
    for name in ("head.weight", "head.fc.weight", "fc.weight"):
        if name in tensors:
            return f"linear, {tensors[name].shape[0]} classes"
    return f"{len(names)} tensors: {', '.join(names[:3])}{', ...' if len(names) > 3 else ''}"


def _metadata(file: WeightFile) -> list[tuple[str, str]]:
    """What the file says of itself; our own header by its parts."""
    said = dict(file.metadata)
    header = json.loads(said.pop("mindtune", "{}"))
    said |= {name: json.dumps(value) for name, value in header.items()}
    said |= _config_beside(file.path)
    shown = list(said.items())[:_MOST_METADATA]
    return [("metadata", _short(f"{name}: {value}")) for name, value in shown]


def _config_beside(path: Path) -> dict[str, str]:
    """What the config.json of a Hugging Face folder says of the network."""
    config = (path if path.is_dir() else path.parent) / "config.json"
    try:
        content = json.loads(config.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(content, dict):
        return {}
    told = ("model_type", "architectures", "hidden_act", "layer_norm_eps", "num_attention_heads")
    return {f"config.json {name}": json.dumps(content[name]) for name in told if name in content}


def _tensors(file: WeightFile, most: int | None) -> list[str]:
    names = list(file.tensors)
    shown = names[:most]
    width = max((len(name) for name in shown), default=0)
    lines = [""]
    for name in shown:
        array = file.tensors[name]
        kind = file.elements.get(name, str(array.dtype))
        safe = name if name.isprintable() else repr(name)
        lines.append(f"  {safe:<{width}}  {kind:<9} {array.shape}")
    if len(shown) < len(names):
        lines.append(f"  ... and {len(names) - len(shown)} more (--all lists them)")
    return lines


def _short(value: str) -> str:
    text = value if value.isprintable() else repr(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]} ..."


def _size(path: Path) -> int:
    files = [path] if path.is_file() else [item for item in path.iterdir() if item.is_file()]
    return sum(file.stat().st_size for file in files)
