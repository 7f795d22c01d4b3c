"""The training loop: epochs, updates, evaluation, checkpoints, log. Every method runs this one."""

from __future__ import annotations

import itertools
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn, Protocol

import numpy as np
from mindspore import Tensor

from mindtune.engine.checkpoint import Checkpoints, Position
from mindtune.engine.distributed.stopping import StoppedError, StopRequest, StopRequested
from mindtune.engine.log import EpochProgress, RunLog
from mindtune.engine.selection import Selection
from mindtune.engine.step import TrainStep
from mindtune.engine.updates import PendingUpdates
from mindtune.errors import DivergedError


class EpochSource(Protocol):
    """Where training batches come from."""

    @property
    def num_batches(self) -> int: ...

    def epoch(self, epoch: int, first_image: int = 0) -> Iterator[tuple[np.ndarray, ...]]: ...


@dataclass
class Loop:
    """Everything a run needs, assembled elsewhere.

    Attributes:
        step: the compiled train step.
        loader: batches by epoch.
        rates: learning rate of every update of the whole run and every group (T, G); the largest
            is what the log says.
        epochs: epochs to run, cool-down included.
        steps_per_epoch: updates of a whole epoch.
        images_per_epoch: images from which an epoch takes as many updates as they fill.
        images_per_step: images an update sees, over all ranks.
        check: called before every evaluation with the updates done; raises where ranks differ.
        evaluate: returns metrics; runs on the averaged weights where there are any.
        selection: which of them chooses the best checkpoint.
        evaluate_every: epochs between evaluations.
        checkpoints, log: where the run is kept.
        checkpoint_every: updates between checkpoints inside an epoch; 0 for none.
        stop: served between updates and evaluation batches, by a checkpoint and an end.
        position: where to start, and how far it has come.
        mark: when ``position.seconds`` was last brought up to date.
    """

    step: TrainStep
    loader: EpochSource
    rates: np.ndarray
    epochs: int
    steps_per_epoch: int
    images_per_epoch: int
    images_per_step: int
    check: Callable[[int], None]
    evaluate: Callable[[], dict[str, Any]]
    selection: Selection
    evaluate_every: int
    checkpoints: Checkpoints
    log: RunLog
    stop: StopRequest
    checkpoint_every: int = 0
    log_every: int = 10
    position: Position = field(default_factory=Position)
    mark: float = 0.0

    def run(self) -> Position:
        """Train to the end; returns the last position.

        Raises:
            DivergedError: a loss, gradient norm or evaluation is NaN or infinite.
            StoppedError: a signal asked to stop; a checkpoint was written.
        """
        self.mark = time.perf_counter()
        with self.stop.listening():
            while self.position.epoch < self.epochs:
                self._run_epoch()
        return self.position

    def _run_epoch(self) -> None:
        position = self.position
        updates = self._updates_left()
        started = time.perf_counter()
        self._train_epoch(updates)
        seconds = time.perf_counter() - started
        trained = replace(position)
        record = self._epoch_record(updates * self.images_per_step / seconds)
        if position.epoch % self.evaluate_every == 0 or position.epoch == self.epochs:
            self.check(position.step)
            try:
                record.update(self._evaluate_and_select(record["lr"]))
            except StopRequested:
                self._stop(trained)
        # Log first: a run killed in between resumes before this epoch and logs it again.
        self.log.write(record)
        self._save_last(position)
        self._say_epoch(record)

    def _updates_left(self) -> int:
        """Updates that the rest of the epoch fills."""
        return (self.images_per_epoch - self.position.images_in_epoch) // self.images_per_step

    def _rates(self) -> np.ndarray:
        """Learning rates by the share of the schedule behind us, whatever ranks that was on."""
        in_epoch = self.position.images_in_epoch // self.images_per_step
        return self.rates[self.position.epoch * self.steps_per_epoch + in_epoch]

    def _train_epoch(self, updates: int) -> None:
        position = self.position
        progress = EpochProgress(self.log.console, position.epoch + 1, updates)
        batches = self.loader.epoch(position.epoch, position.images_in_epoch)
        pending = PendingUpdates(
            position, self.checkpoints, self.log, self.step.term_names, self.images_per_step
        )
        with progress.shown():
            for _ in range(updates):
                group = list(itertools.islice(batches, self.step.accumulate))
                rates = self._rates()
                columns = [tuple(Tensor(column) for column in batch) for batch in group]
                output = self.step(rates, position.step, columns)
                pending.add(position.step, float(rates.max()), output)
                position.step += 1
                position.images_in_epoch += self.images_per_step
                progress.advance()
                checkpoint, stop = self._is_due(self.checkpoint_every), self.stop.is_due
                if checkpoint or stop or self._is_due(self.log_every):
                    pending.read(progress)
                if stop:
                    self._stop(position)
                if checkpoint:
                    self._save_last(position)
            pending.read(progress)

    def _is_due(self, every: int) -> bool:
        return every > 0 and self.position.step % every == 0

    def _save_last(self, position: Position) -> None:
        now = time.perf_counter()
        position.seconds += now - self.mark
        self.mark = now
        self.checkpoints.save_last(position)

    def _stop(self, position: Position) -> NoReturn:
        self._save_last(position)
        number = self.stop.number or signal.SIGTERM
        raise StoppedError(
            f"{signal.Signals(number).name}: stopped after update {position.step}, checkpoint "
            f"written to {self.checkpoints.folder}; continue with --resume auto",
            number,
        )

    def _epoch_record(self, images_per_second: float) -> dict[str, Any]:
        """Close the epoch: its record, and the position at the start of the next."""
        position = self.position
        mean_loss = position.loss_sum / position.loss_count
        rate = float(self.rates[(position.epoch + 1) * self.steps_per_epoch - 1].max())
        position.epoch, position.images_in_epoch = position.epoch + 1, 0
        position.loss_sum, position.loss_count = 0.0, 0
        return {
            "kind": "epoch",
            "step": position.step,
            "epoch": position.epoch,
            "lr": rate,
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
            value = metrics[self.selection.metric]
            if self.selection.improves(value, position.best):
                position.best, position.best_epoch = value, position.epoch
                self.checkpoints.save_best(position)
        return {f"eval_{name}": value for name, value in metrics.items()}

    def _say_epoch(self, record: dict[str, Any]) -> None:
        shown = ", ".join(
            f"{key} {value:.4g}" for key, value in record.items() if isinstance(value, float)
        )
        self.log.console.print(f"epoch {record['epoch']}/{self.epochs}: {shown}", highlight=False)
