"""The folder of a run: what may be in it, what is written first, what resuming needs."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import yaml

from mindtune.config import RunConfig, flatten
from mindtune.engine.checkpoint import newest_state, read_header
from mindtune.errors import CheckpointError
from mindtune.files import write_atomically

CHECKPOINTS = "checkpoints"
CONFIG = "config.yaml"
RESULT = "result.json"

_MAY_DIFFER = {  # keys without influence on the numbers of a run
    "out", "resume", "overwrite", "log_every", "checkpoint_every", "tensorboard", "pretrained",
    "data.root", "data.workers",
}  # fmt: skip


def folder_of(config: RunConfig, recipe: str | None) -> Path:
    """``--out``, or runs/ and the recipe's name."""
    if config.out is not None:
        return Path(config.out)
    return Path("runs") / (Path(recipe).stem if recipe else "run")


def plain(config: RunConfig) -> dict[str, Any]:
    """The configuration as plain containers, keys in the order of the dataclasses."""
    return json.loads(json.dumps(dataclasses.asdict(config)))


def prepare(folder: Path, config: RunConfig) -> Path | None:
    """Make the run folder, or find what to resume in it.

    Returns:
        The training state to continue from, or None for a fresh run.

    Raises:
        CheckpointError: the folder holds a run and neither ``--resume`` nor ``--overwrite`` was
            given, cannot be made, or what ``--resume`` names is missing, broken or was made with
            another configuration.
    """
    state = _state_to_resume(folder, config)
    if state is not None:
        _refuse_other_config(state, config)
    elif (folder / CONFIG).exists():
        if not config.overwrite:
            raise CheckpointError(
                f"{folder}: holds a run already; continue it with --resume auto, replace it with "
                "--overwrite true, or choose another folder with --out"
            )
        shutil.rmtree(folder)
    try:
        (folder / CHECKPOINTS).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CheckpointError(
            f"{folder}: cannot be made ({error.strerror}); choose another folder with --out"
        ) from error
    write_atomically(folder / CONFIG, yaml.safe_dump(plain(config), sort_keys=False).encode())
    return state


def _state_to_resume(folder: Path, config: RunConfig) -> Path | None:
    if config.resume is None:
        return None
    if config.resume == "auto":
        state, faults = newest_state(folder / CHECKPOINTS)
    else:
        given = Path(config.resume)
        if given.is_file():
            return given
        state, faults = newest_state(given / CHECKPOINTS)
        if state is None:
            faults = faults or [f"{given}: got no training state, expected a run folder or file"]
    for fault in faults if state is not None else ():
        print(f"resuming from {state.name if state else ''}: {fault}")
    if state is None and faults:
        raise CheckpointError("; ".join(faults))
    return state


def _refuse_other_config(state: Path, config: RunConfig) -> None:
    stored = flatten(read_header(state).get("config", {}))
    present = flatten(plain(config))
    differing = sorted(
        key
        for key in stored.keys() | present.keys()
        if key not in _MAY_DIFFER and stored.get(key) != present.get(key)
    )
    if differing:
        changes = ", ".join(f"{k} {stored.get(k)} -> {present.get(k)}" for k in differing[:5])
        raise CheckpointError(
            f"{state}: was made with another configuration ({changes}); resume with the same one, "
            "or start anew from its weights with --pretrained"
        )


def weight_file(path: Path) -> Path:
    """The weights that ``--pretrained`` means: a file itself, or the best of a run folder.

    Raises:
        CheckpointError: nothing there.
    """
    if path.is_file():
        return path
    if not path.exists():
        raise CheckpointError(f"--pretrained {path}: no such file or run folder; check the path")
    for name in ("best.safetensors", "last.safetensors"):
        if (path / CHECKPOINTS / name).is_file():
            return path / CHECKPOINTS / name
    raise CheckpointError(
        f"--pretrained {path}: got a folder without {CHECKPOINTS}/best.safetensors, expected a run "
        "folder or a weight file"
    )
