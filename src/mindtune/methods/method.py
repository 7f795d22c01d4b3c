"""What the papers differ in: the part of a run that is a method's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from mindspore import Parameter, nn
from rich.console import Console

from mindtune.config import RunConfig
from mindtune.data.source import ImageSource
from mindtune.engine.distributed.world import World
from mindtune.engine.loop import EpochSource
from mindtune.engine.scheduled import StepParts
from mindtune.engine.selection import Selection
from mindtune.preprocessing import Preprocessing


@dataclass(frozen=True)
class RunContext:
    """What the parts of a run are made from.

    Attributes:
        state: training state to continue from; None for a fresh run, and on ranks beside rank 0.
        resumed_preprocessing: how the resumed run prepares images; None for a fresh run.
    """

    config: RunConfig
    folder: Path
    world: World
    console: Console
    state: Path | None
    resumed_preprocessing: dict[str, Any] | None

    def say(self, line: str) -> None:
        """Print a line on rank 0."""
        self.console.print(line, highlight=False)


@runtime_checkable
class AddsStepParts(Protocol):
    """A method that puts more into the train step than its objective."""

    def step_parts(self, updates: int, updates_per_epoch: int) -> StepParts:
        """What it adds to a run of ``updates`` in all."""
        ...


@runtime_checkable
class WritesFiles(Protocol):
    """A method that keeps files of its own beside the checkpoints."""

    def write_files(self, folder: Path) -> None:
        """Write them into the run folder ``folder``; called on rank 0, before the first update."""
        ...


@runtime_checkable
class NamesFrozenNetworks(Protocol):
    """A method whose networks are not all saved with its own."""

    def frozen_networks(self) -> list[dict[str, Any]]:
        """How to know the others again (JSON); it stands in the header of the weights."""
        ...


class Method(Protocol):
    """One way of training, opened and built, with its pre-trained weights.

    The loop of ``mindtune.training`` asks it for everything that papers differ in.
    """

    @property
    def sources(self) -> Mapping[str, ImageSource]:
        """Images by what they are for, ``train`` among them; all ranks must have the same."""
        ...

    @property
    def network(self) -> nn.Cell:
        """What is saved; what trains has ``requires_grad``."""
        ...

    @property
    def objective(self) -> nn.Cell:
        """``construct(*batch) -> (loss, terms)`` with ``term_names``; holds ``network``."""
        ...

    @property
    def selection(self) -> Selection:
        """Which of the metrics of ``evaluate`` chooses the best checkpoint."""
        ...

    @property
    def preprocessing(self) -> Preprocessing:
        """How images are prepared; saved with the network."""
        ...

    def parameter_groups(self) -> Mapping[str, list[Parameter]]:
        """All weights of the network, for the table of what trains."""
        ...

    def train_loader(self) -> EpochSource:
        """Batches to train on."""
        ...

    def evaluate(self) -> dict[str, Any]:
        """Metrics of the present weights, the one of ``selection`` among them."""
        ...

    def final_evaluation(self, best: Path) -> dict[str, Any]:
        """What ``result.json`` says of the weights in the file ``best``, read by rank 0 alone."""
        ...
