"""The folder of a run: what may be in it, what is written first, what resuming needs."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import yaml

from mindtune.config import RunConfig, flatten
from mindtune.engine.checkpoint import LAST, newest_state, read_state_header
from mindtune.errors import CheckpointError
from mindtune.files import write_atomically
from mindtune.weights.sharded import main_file

CHECKPOINTS = "checkpoints"
CONFIG = "config.yaml"
RESULT = "result.json"

_MAY_DIFFER = {  # keys without influence on the numbers of a run
    "out", "resume", "overwrite", "log_every", "checkpoint_every", "tensorboard", "data.root",
    "data.workers", "launcher", "restart_on_failure", "distributed.timeout",
    "knn.cache", "text.cache", "amu.cache", "forgetting.root",
}  # fmt: skip
_TEMPORARY = (  # left where a write was killed: by mindtune.files, and by safetensors itself
    ".*.tmp", f"{CHECKPOINTS}/.*.tmp", f"{CHECKPOINTS}/.tmp??????",
)  # fmt: skip
_WRITTEN = (  # by train.py, eval.py and export.py
    CONFIG, RESULT, "log.jsonl", "metrics.csv", "eval_*.json", "eval_*_per_class.csv",
    "eval_*_predictions.csv", "eval_few_shot_clip_*", "model.mindir", "model.onnx", "model.*.json",
    "report.html",
)  # fmt: skip


def folder_of(config: RunConfig, recipe: str | None) -> Path:
    """``--out``, the run that ``--resume`` names, or runs/ and the recipe's name."""
    if config.out is not None:
        return Path(config.out)
    if config.resume not in (None, "auto"):
        resumed = Path(config.resume)
        return resumed.parent.parent if resumed.parent.name == CHECKPOINTS else resumed
    return Path("runs") / (Path(recipe).stem if recipe else "run")


def last_checkpoint(config: RunConfig, recipe: str | None) -> Path:
    """Where a run keeps the state that continues it."""
    return folder_of(config, recipe) / CHECKPOINTS / LAST


def plain(config: RunConfig) -> dict[str, Any]:
    """The configuration as plain containers, keys in the order of the dataclasses."""
    return json.loads(json.dumps(dataclasses.asdict(config)))


def state_to_resume(folder: Path, config: RunConfig) -> Path | None:
    """What the run in ``folder`` continues from; nothing is changed here.

    A run that was killed before its first checkpoint starts anew with ``--resume auto``.

    Returns:
        A training state, or None for a fresh run.

    Raises:
        CheckpointError: the folder holds a run that was asked neither to continue nor to be
            overwritten, or what ``--resume`` names is missing, broken or was made with another
            configuration.
    """
    state = _newest_state(folder, config.resume)
    if state is not None:
        _refuse_other_folder(folder, state)
        _refuse_other_config(state, config)
    continued = config.resume == "auto" or state is not None
    if (folder / CONFIG).exists() and not (continued or config.overwrite):
        raise CheckpointError(
            f"{folder}: holds a run already; continue it with --resume auto, replace it with "
            "--overwrite true, or choose another folder with --out"
        )
    return state


def enter(folder: Path, config: RunConfig, state: Path | None) -> None:
    """Make the run folder, or clear it of another run, and write the configuration.

    Raises:
        CheckpointError: it cannot be made or written.
    """
    if config.overwrite and state is None:
        _remove_run(folder)
    make_folder(folder / CHECKPOINTS)
    for pattern in _TEMPORARY:
        for left in folder.glob(pattern):
            left.unlink()
    write_config(folder, config)


def write_config(folder: Path, config: RunConfig) -> None:
    """Write the resolved configuration into the run folder.

    ``resume`` and ``overwrite`` were said of one command, not of the run: who repeats it with
    ``--config RUN/config.yaml`` must not remove or continue this one unasked.

    Raises:
        CheckpointError: it cannot be written.
    """
    run = plain(dataclasses.replace(config, resume=None, overwrite=False))
    write_atomically(folder / CONFIG, yaml.safe_dump(run, sort_keys=False).encode())


def make_folder(folder: Path) -> None:
    """Make ``folder`` where there is none.

    Raises:
        CheckpointError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CheckpointError(
            f"{folder}: cannot be made ({error.strerror}); choose another folder with --out"
        ) from error


def _remove_run(folder: Path) -> None:
    """Remove what runs write, and nothing else that lies in their folder."""
    for name in (CHECKPOINTS, "tensorboard"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for pattern in _WRITTEN:
        for file in folder.glob(pattern):
            file.unlink()


def _is_in(folder: Path, state: Path | None) -> bool:
    return state is not None and state.resolve().is_relative_to(folder.resolve())


def _newest_state(folder: Path, resume: str | None) -> Path | None:
    """The state that ``--resume`` means; says which newer ones are broken."""
    if resume is None:
        return None
    given = folder if resume == "auto" else Path(resume)
    if given.is_file():
        return given
    state, faults = newest_state(given / CHECKPOINTS)
    if state is None and faults:
        raise CheckpointError(
            "; ".join(faults) + "; or start anew with --overwrite true and no --resume"
        )
    if state is None and resume != "auto":
        raise CheckpointError(
            f"--resume {given}: got no training state there, expected a run folder or its "
            f"{CHECKPOINTS}/{LAST}; check the path"
        )
    for fault in faults:
        print(f"resuming from {state}: {fault}")
    return state


def _refuse_other_folder(folder: Path, state: Path) -> None:
    """A run continues where its log and best checkpoint lie."""
    if not _is_in(folder, state):
        raise CheckpointError(
            f"--resume {state}: lies outside the run folder {folder}, where its log and best "
            "checkpoint are missing; leave --out out to continue there, or start a new run from "
            "its weights with --pretrained"
        )


def stored_preprocessing(state: Path) -> dict[str, Any]:
    """How the run of a training state prepares images, input size left out."""
    stored = dict(read_state_header(state).get("preprocessing", {}))
    stored.pop("input_size", None)
    return stored


def _refuse_other_config(state: Path, config: RunConfig) -> None:
    stored = flatten(read_state_header(state).get("config", {}))
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
    """The weights that ``path`` means: a file or a Hugging Face folder itself, or a run's best.

    Raises:
        CheckpointError: nothing there.
    """
    if path.is_file() or main_file(path) is not None:
        return path
    if not path.exists():
        raise CheckpointError(f"weights {path}: no such file or run folder; check the path")
    for name in ("best.safetensors", "last.safetensors"):
        if (path / CHECKPOINTS / name).is_file():
            return path / CHECKPOINTS / name
    raise CheckpointError(
        f"weights {path}: got a folder without {CHECKPOINTS}/best.safetensors, expected a run "
        "folder, a Hugging Face folder (model.safetensors) or a weight file"
    )
