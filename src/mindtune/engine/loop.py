"""The training loop: rounds, updates, evaluation, checkpoints, log. Every method runs this one."""

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
from mindtune.engine.log import RoundProgress, RunLog
from mindtune.engine.plan import Plan
from mindtune.engine.selection import Selection
from mindtune.engine.step import TrainStep
from mindtune.engine.updates import PendingUpdates
from mindtune.errors import DivergedError

Batch = tuple[np.ndarray, ...]


class EpochSource(Protocol):
    """Where training batches come from."""

    @property
    def num_batches(self) -> int: ...

    def epoch(self, epoch: int, first_image: int = 0) -> Iterator[Batch]: ...


@dataclass
class Loop:
    """Everything a run needs, assembled elsewhere.

    Attributes:
        step: the compiled train step.
        loader: batches by epoch.
        rates: learning rate of every update of the whole run and every group (T, G); the largest
            is what the log says.
        plan: how long the run is, and where it is evaluated.
        check: called before every evaluation with the updates done; raises where ranks differ.
        evaluate: returns metrics; runs on the averaged weights where there are any.
        selection: which of them chooses the best checkpoint.
        checkpoints, log: where the run is kept.
        checkpoint_every: updates between checkpoints inside a round; 0 for none.
        stop: served between updates and evaluation batches, by a checkpoint and an end.
        position: where to start, and how far it has come.
        mark: when ``position.seconds`` was last brought up to date.
    """

    step: TrainStep
    loader: EpochSource
    rates: np.ndarray
    plan: Plan
    check: Callable[[int], None]
    evaluate: Callable[[], dict[str, Any]]
    selection: Selection
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
            while not self.plan.is_over(self.position):
                self._run_round()
        return self.position

    def _run_round(self) -> None:
        position = self.position
        updates, title = self.plan.updates_left(position), self.plan.title(position)
        started = time.perf_counter()
        self._train(updates, title)
        seconds = time.perf_counter() - started
        trained = replace(position)
        record = self._close_round(updates * self.plan.images_per_step / seconds)
        if self.plan.is_evaluated(position):
            self.check(position.step)
            try:
                record.update(self._evaluate_and_select(record["lr"]))
            except StopRequested:
                self._stop(trained)
        # Log first: a run killed in between resumes before this round and logs it again.
        self.log.write(record)
        self._save_last(position)
        self._say_round(title, record)

    def _train(self, updates: int, title: str) -> None:
        position = self.position
        images_per_step = self.plan.images_per_step
        progress = RoundProgress(self.log.console, title, updates)
        pending = PendingUpdates(
            position, self.checkpoints, self.log, self.step.term_names, images_per_step
        )
        with progress.shown():
            for group in self._groups(updates):
                place = self.plan.next_update(position)
                rates = self.rates[place]  # (G,)
                self.step.set_schedules(place)
                columns = [tuple(Tensor(column) for column in batch) for batch in group]
                output = self.step(rates, position.step, columns)
                pending.add(position.step, float(rates.max()), output)
                position.step += 1
                position.images_in_epoch += images_per_step
                progress.advance()
                checkpoint, stop = self._is_due(self.checkpoint_every), self.stop.is_due
                if checkpoint or stop or self._is_due(self.log_every):
                    pending.read(progress)
                if stop:
                    self._stop(position)
                if checkpoint:
                    self._save_last(position)
            pending.read(progress)

    def _groups(self, updates: int) -> Iterator[list[Batch]]:
        """The batches of each of ``updates`` updates, from as many epochs as they take."""
        position = self.position
        while updates > 0:
            self._end_full_epoch()
            batches = self.loader.epoch(position.epoch, position.images_in_epoch)
            in_epoch = min(updates, self._updates_left_in_epoch())
            for _ in range(in_epoch):
                yield list(itertools.islice(batches, self.step.accumulate))
            updates -= in_epoch

    def _updates_left_in_epoch(self) -> int:
        left = self.plan.images_per_epoch - self.position.images_in_epoch
        return left // self.plan.images_per_step

    def _end_full_epoch(self) -> None:
        """An epoch whose images cannot fill another update is over."""
        if self._updates_left_in_epoch() < 1:
            self.position.epoch, self.position.images_in_epoch = self.position.epoch + 1, 0

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

    def _close_round(self, images_per_second: float) -> dict[str, Any]:
        """Close the round: its record, and the position at the start of the next."""
        position = self.position
        mean_loss = position.loss_sum / position.loss_count
        rate = float(self.rates[self.plan.next_update(position) - 1].max())
        self._end_full_epoch()
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
                position.best_step = position.step
                self.checkpoints.save_best(position)
        return {f"eval_{name}": value for name, value in metrics.items()}

    def _say_round(self, title: str, record: dict[str, Any]) -> None:
        shown = ", ".join(
            f"{key} {value:.4g}" for key, value in record.items() if isinstance(value, float)
        )
        self.log.console.print(f"{title}: {shown}", highlight=False)
