"""Checkpoints of a run: ``last`` continues it bit for bit, ``best`` holds weights to use."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from mindspore import Parameter, Tensor
from safetensors import SafetensorError, safe_open

from mindtune.errors import CheckpointError
from mindtune.files import replace_atomically
from mindtune.weights.save import save_safetensors, write_safetensors

LAST, PREVIOUS, BEST = "last.safetensors", "previous.safetensors", "best.safetensors"
STATE_KIND = "mindtune training state"
WEIGHTS_KIND = "mindtune weights"
MODEL_PREFIX, ENGINE_PREFIX = "model/", "engine/"


@dataclass
class Position:
    """How far a run has come.

    Attributes:
        epoch: epochs finished.
        images_in_epoch: images that all ranks together have seen in the epoch under way.
        step: updates done in all.
        best: best selection metric so far (such as top-1 in percent), None before the first
            evaluation.
        best_epoch: epochs finished when it was reached.
        best_step: updates done when it was reached.
        seconds: spent on the updates and evaluations behind this position, over all sessions.
        loss_sum, loss_count: over the updates of the round under way, see mindtune.engine.plan.
    """

    epoch: int = 0
    images_in_epoch: int = 0
    step: int = 0
    best: float | None = None
    best_epoch: int | None = None
    best_step: int | None = None
    seconds: float = 0.0
    loss_sum: float = 0.0
    loss_count: int = 0

    @property
    def round_is_closed(self) -> bool:
        """Whether no update was done since the last record and evaluation."""
        return self.loss_count == 0


@dataclass(frozen=True)
class Checkpoints:
    """The checkpoint folder of a run.

    Args:
        folder: made when missing.
        weights: every weight of the network.
        state: optimiser, EMA and loss-scale parameters.
        info: what travels with every file: resolved configuration, preprocessing, class names,
            package versions.
    """

    folder: Path
    weights: Sequence[Parameter]
    state: Sequence[Parameter]
    info: dict[str, Any] = field(default_factory=dict)

    def parameters(self) -> list[Parameter]:
        """All that a training state holds."""
        return [*self.weights, *self.state]

    def save_last(self, position: Position) -> None:
        """Write ``last``, keeping the one before as ``previous``; atomic at every instant.

        Raises:
            CheckpointError: it cannot be written; the older checkpoints are whole.
        """
        tensors = {f"{MODEL_PREFIX}{p.name}": _array(p) for p in self.weights}
        tensors.update({f"{ENGINE_PREFIX}{p.name}": _array(p) for p in self.state})
        header = {"kind": STATE_KIND, "position": asdict(position), **self.info}

        def write(temporary: Path) -> None:
            write_safetensors(temporary, tensors, _metadata(header))
            if (self.folder / LAST).exists():
                os.replace(self.folder / LAST, self.folder / PREVIOUS)

        replace_atomically(self.folder / LAST, write)

    def save_best(self, position: Position) -> None:
        """Write the network's present weights as ``best``, under the names other tools know."""
        tensors = {p.name: _array(p) for p in self.weights}
        header = {"kind": WEIGHTS_KIND, "position": asdict(position), **self.info}
        save_safetensors(self.folder / BEST, tensors, _metadata(header))

    def newest_before(self, step: int) -> Path | None:
        """The newest training state of fewer than ``step`` updates."""
        for name in (LAST, PREVIOUS):
            path = self.folder / name
            if path.exists() and read_header(path)["position"]["step"] < step:
                return path
        return None

    def restore(self, path: Path) -> Position:
        """Set every parameter from the training state ``path``.

        Raises:
            CheckpointError: no whole training state, or one of another network, optimiser or data
                set; no parameter is changed then.
        """
        tensors, header = read_state(path)
        wanted = {f"{MODEL_PREFIX}{p.name}": p for p in self.weights}
        wanted.update({f"{ENGINE_PREFIX}{p.name}": p for p in self.state})
        wrong = sorted(set(tensors) ^ set(wanted)) or [
            name for name, p in wanted.items() if tuple(p.shape) != tensors[name].shape
        ]
        if wrong:
            raise CheckpointError(
                f"{path}: got a training state of another network or optimiser "
                f"({len(wrong)} differing parameters, first {wrong[0]}), expected this run's; "
                "resume with the configuration it was made with"
            )
        for key in ("train_images", "class_names"):
            if header.get(key) != self.info.get(key):
                raise CheckpointError(
                    f"{path}: was trained on other data ({key} {_short(header.get(key))}, got "
                    f"{_short(self.info.get(key))}); resume with the data it was made with"
                )
        for name, parameter in wanted.items():
            parameter.set_data(Tensor(tensors[name]))
        return Position(**header["position"])


def read_state(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Tensors and header of a training state.

    Raises:
        CheckpointError: missing, truncated or foreign file.
    """
    header = read_state_header(path)
    with safe_open(path, framework="np") as stored:
        return {name: stored.get_tensor(name) for name in stored.keys()}, header  # noqa: SIM118


def read_state_header(path: Path) -> dict[str, Any]:
    """What a training state says of itself: configuration, position, class names, versions.

    Raises:
        CheckpointError: missing, truncated or foreign file.
    """
    header = read_header(path)
    if header.get("kind") != STATE_KIND:
        raise CheckpointError(
            f"{path}: got {header.get('kind') or 'a foreign file'}, expected a training state "
            f"({LAST}); to start from weights pass --pretrained instead of --resume"
        )
    return header


def read_header(path: Path) -> dict[str, Any]:
    """What a MindTune file says of itself; empty for a safetensors file of somebody else.

    Raises:
        CheckpointError: missing or truncated file, or no safetensors file at all.
    """
    try:
        with safe_open(path, framework="np") as stored:
            metadata = stored.metadata() or {}
        return json.loads(metadata.get("mindtune", "{}"))
    except FileNotFoundError as error:
        raise CheckpointError(f"{path}: no such checkpoint; check the path") from error
    except (SafetensorError, OSError, json.JSONDecodeError) as error:
        raise CheckpointError(
            f"{path}: truncated or no safetensors file ({error}); use another checkpoint"
        ) from error


def newest_state(folder: Path) -> tuple[Path | None, list[str]]:
    """The newest whole training state of a folder, and what was wrong with newer ones."""
    faults = []
    for name in (LAST, PREVIOUS):
        if not (folder / name).exists():
            continue
        try:
            read_state(folder / name)
        except CheckpointError as error:
            faults.append(str(error))
        else:
            return folder / name, faults
    return None, faults


def replace_config(path: Path, config: dict[str, Any]) -> None:
    """Let ``config`` stand in the header of weights that this package wrote.

    Raises:
        CheckpointError: missing or foreign file, or it cannot be written; it is whole in any case.
    """
    header = {**read_header(path), "config": config}
    with safe_open(path, framework="np") as stored:
        tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
    save_safetensors(path, tensors, _metadata(header))


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _array(parameter: Parameter) -> np.ndarray:
    return parameter.asnumpy().copy()


def _metadata(header: dict[str, Any]) -> dict[str, str]:
    return {"format": "pt", "mindtune": json.dumps(header)}
