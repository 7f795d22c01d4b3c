"""The training loop: epochs, updates, evaluation, checkpoints, log. Every method runs this one."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from mindspore import Tensor

from mindtune.engine.checkpoint import Checkpoints, Position
from mindtune.engine.log import EpochProgress, RunLog
from mindtune.engine.step import TrainStep
from mindtune.engine.updates import PendingUpdates
from mindtune.errors import DivergedError


class EpochSource(Protocol):
    """Where training batches come from."""

    @property
    def num_batches(self) -> int: ...

    def epoch(self, epoch: int, first_batch: int = 0) -> Iterator[tuple[np.ndarray, ...]]: ...


@dataclass
class Loop:
    """Everything a run needs, assembled elsewhere.

    Attributes:
        step: the compiled train step.
        loader: batches by epoch.
        rates: learning rate of every update of the whole run.
        epochs: epochs to run, cool-down included.
        steps_per_epoch: updates an epoch.
        evaluate: returns metrics with ``top1``; runs on the averaged weights where there are any.
        evaluate_every: epochs between evaluations.
        checkpoints, log: where the run is kept.
        checkpoint_every: updates between checkpoints inside an epoch; 0 for none.
        images_per_step: images an update sees on this device.
        position: where to start, and how far it has come.
        mark: when ``position.seconds`` was last brought up to date.
    """

    step: TrainStep
    loader: EpochSource
    rates: np.ndarray
    epochs: int
    steps_per_epoch: int
    evaluate: Callable[[], dict[str, Any]]
    evaluate_every: int
    checkpoints: Checkpoints
    log: RunLog
    images_per_step: int
    checkpoint_every: int = 0
    log_every: int = 10
    position: Position = field(default_factory=Position)
    mark: float = 0.0

    def run(self) -> Position:
        """Train to the end; returns the last position.

        Raises:
            DivergedError: a loss, gradient norm or evaluation is NaN or infinite.
        """
        position = self.position
        self.mark = time.perf_counter()
        while position.epoch < self.epochs:
            updates = self.steps_per_epoch - position.step_in_epoch
            started = time.perf_counter()
            self._train_epoch()
            seconds = time.perf_counter() - started
            record = self._epoch_record(updates * self.images_per_step / seconds)
            if position.epoch % self.evaluate_every == 0 or position.epoch == self.epochs:
                record.update(self._evaluate_and_select(record["lr"]))
            # Log first: a run killed in between resumes before this epoch and logs it again.
            self.log.write(record)
            self._save_last()
            self._say_epoch(record)
        return position

    def _train_epoch(self) -> None:
        position = self.position
        progress = EpochProgress(self.log.console, position.epoch + 1, self.steps_per_epoch)
        batches = self.loader.epoch(position.epoch, position.step_in_epoch * self.step.accumulate)
        pending = PendingUpdates(
            position, self.checkpoints, self.log, self.step.term_names, self.images_per_step
        )
        with progress.shown():
            for _ in range(position.step_in_epoch, self.steps_per_epoch):
                group = list(itertools.islice(batches, self.step.accumulate))
                rate = float(self.rates[position.step])
                columns = [tuple(Tensor(column) for column in batch) for batch in group]
                pending.add(position.step, rate, self.step(rate, position.step, columns))
                position.step += 1
                position.step_in_epoch += 1
                progress.advance()
                checkpoint = self._is_due(self.checkpoint_every)
                if checkpoint or self._is_due(self.log_every):
                    pending.read(progress)
                if checkpoint:
                    self._save_last()
            pending.read(progress)

    def _is_due(self, every: int) -> bool:
        return every > 0 and self.position.step % every == 0

    def _save_last(self) -> None:
        now = time.perf_counter()
        self.position.seconds += now - self.mark
        self.mark = now
        self.checkpoints.save_last(self.position)

    def _epoch_record(self, images_per_second: float) -> dict[str, Any]:
        """Close the epoch: its record, and the position at the start of the next."""
        position = self.position
        mean_loss = position.loss_sum / position.loss_count
        position.epoch, position.step_in_epoch = position.epoch + 1, 0
        position.loss_sum, position.loss_count = 0.0, 0
        return {
            "kind": "epoch",
            "step": position.step,
            "epoch": position.epoch,
            "lr": float(self.rates[position.step - 1]),
            "train_loss": mean_loss,
            "images_per_second": images_per_second,
        }

    def _evaluate_and_select(self, rate: float) -> dict[str, Any]:
        ema, position = self.step.ema, self.position
        with ema.applied() if ema is not None else nullcontext():
            try:
                metrics = self.evaluate()
            except DivergedError as error:
                raise DivergedError(
                    f"{error}; after update {position.step} (learning rate {rate:.3g}). Last good "
                    f"checkpoint: {self.checkpoints.newest_before(position.step) or 'none'}"
                ) from error
            if position.best is None or metrics["top1"] > position.best:
                position.best, position.best_epoch = metrics["top1"], position.epoch
                self.checkpoints.save_best(position)
        return {f"eval_{name}": value for name, value in metrics.items()}

    def _say_epoch(self, record: dict[str, Any]) -> None:
        shown = ", ".join(
            f"{key} {value:.4g}" for key, value in record.items() if isinstance(value, float)
        )
        self.log.console.print(f"epoch {record['epoch']}/{self.epochs}: {shown}", highlight=False)
