"""Folders as Hugging Face writes them: one weight file of a known name, or parts and an index."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

from mindtune.weights.weight_file import MalformedError

INDEXES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
_WHOLE = ("model.safetensors", "pytorch_model.bin")
_SUFFIXES = (".safetensors", ".ckpt", ".npz", ".pth", ".pt", ".tar", ".bin")
_LARGEST_INDEX = 64 << 20
_DAMAGED = "has a damaged {} ({}); download it again"


def main_file(folder: Path) -> Path | None:
    """The index or the one weight file of a Hugging Face folder; None: it is no such folder."""
    first, second = zip(INDEXES, _WHOLE)
    return next((folder / name for name in (*first, *second) if (folder / name).is_file()), None)


def describe_folder(folder: Path) -> str:
    """What is in a folder which is not Hugging Face's."""
    inside = sorted(item.name for item in folder.iterdir() if item.suffix in _SUFFIXES)
    found = f"it holds {', '.join(inside[:5])}" if inside else "it holds no weight file"
    return f"is a folder, expected a file; {found}"


def read_index(index: Path) -> dict[Path, set[str]]:
    """The parts that an index names, and the tensors which each is to hold.

    Raises:
        MalformedError: a damaged index, a part outside the folder, or a part which is not there.
    """
    if index.stat().st_size > _LARGEST_INDEX:
        raise MalformedError(_DAMAGED.format(index.name, "it is larger than any index"))
    try:
        content = json.loads(index.read_bytes())
    except (ValueError, RecursionError) as error:
        raise MalformedError(_DAMAGED.format(index.name, error)) from error
    weight_map = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(weight_map, dict) or not weight_map:
        raise MalformedError(_DAMAGED.format(index.name, "it has no weight_map"))
    parts: dict[Path, set[str]] = defaultdict(set)
    for name, part in weight_map.items():
        if not isinstance(part, str) or Path(part).name != part:
            raise MalformedError(_DAMAGED.format(index.name, f"it names the part {part!r}"))
        parts[index.parent / part].add(name)
    absent = [part.name for part in parts if not part.is_file()]
    if absent:
        raise MalformedError(
            f"misses {len(absent)} of its {len(parts)} parts: {', '.join(absent[:5])}; download "
            "all of them"
        )
    return dict(parts)


def check_part(part: Path, expected: set[str], found: set[str]) -> None:
    """Refuse a part which holds other tensors than its index says.

    Raises:
        MalformedError: naming one of them.
    """
    for names, fault in ((expected - found, "lacks"), (found - expected, "holds besides")):
        if names:
            raise MalformedError(
                f"has a part {part.name} which {fault} {min(names)!r}, unlike its index says; the "
                "parts are of different downloads: download all again"
            )
