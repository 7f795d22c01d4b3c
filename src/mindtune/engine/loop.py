"""The training loop: epochs, updates, evaluation, checkpoints, log. Every method runs this one."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from mindspore import Tensor

from mindtune.engine.checkpoint import LAST, Checkpoints, Position
from mindtune.engine.log import EpochProgress, RunLog
from mindtune.engine.step import StepOutput, TrainStep
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
        position: where to start.
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
    pending: list[tuple[int, float, StepOutput]] = field(default_factory=list)

    def run(self) -> Position:
        """Train to the end; returns the last position.

        Raises:
            DivergedError: a loss is NaN or infinite.
        """
        while self.position.epoch < self.epochs:
            started = time.perf_counter()
            losses = self._train_epoch()
            record = self._epoch_record(losses, time.perf_counter() - started)
            if self.position.epoch % self.evaluate_every == 0 or self._finished():
                record.update(self._evaluate_and_select())
            self.position.seconds += time.perf_counter() - started
            # Log first: a run killed in between resumes before this epoch and logs it again.
            self.log.write(record)
            self.checkpoints.save_last(self.position)
            self._say_epoch(record)
        return self.position

    def _finished(self) -> bool:
        return self.position.epoch == self.epochs

    def _train_epoch(self) -> list[float]:
        position = self.position
        progress = EpochProgress(self.log.console, position.epoch + 1, self.steps_per_epoch)
        batches = self.loader.epoch(position.epoch, position.step_in_epoch * self.step.accumulate)
        losses: list[float] = []
        with progress.shown():
            for _ in range(position.step_in_epoch, self.steps_per_epoch):
                group = list(itertools.islice(batches, self.step.accumulate))
                self._update([tuple(Tensor(column) for column in batch) for batch in group])
                progress.advance()
                if position.step % self.log_every == 0:
                    losses += self._read_pending(progress)
                if self.checkpoint_every and position.step % self.checkpoint_every == 0:
                    losses += self._read_pending(progress)
                    self.checkpoints.save_last(position)
            losses += self._read_pending(progress)
        position.epoch, position.step_in_epoch = position.epoch + 1, 0
        return losses

    def _update(self, batches: list[tuple[Tensor, ...]]) -> None:
        position = self.position
        rate = float(self.rates[position.step])
        output = self.step(rate, position.step, batches)
        self.pending.append((position.step, rate, output))
        position.step += 1
        position.step_in_epoch += 1

    def _read_pending(self, progress: EpochProgress) -> list[float]:
        """Losses of the updates since the last call; reading them waits for the device."""
        losses = []
        for step, rate, output in self.pending:
            loss = output.loss()
            if not math.isfinite(loss):
                raise self._diverged(step, rate, loss)
            losses.append(loss)
        if self.pending:
            step, rate, output = self.pending[-1]
            self.pending.clear()
            norm = float(output.grad_norm.asnumpy())
            self.log.write(
                {
                    "kind": "step",
                    "step": step + 1,
                    "loss": losses[-1],
                    "lr": rate,
                    "grad_norm": norm,
                }
            )
            status = f"loss {losses[-1]:.4f}  lr {rate:.3g}"
            progress.say(status, f"step {step + 1}  {status}  grad norm {norm:.3g}")
        return losses

    def _diverged(self, step: int, rate: float, loss: float) -> DivergedError:
        last = self.checkpoints.folder / LAST
        return DivergedError(
            f"loss: got {loss} at update {step + 1} (learning rate {rate:.3g}), expected a finite "
            "value; lower --optim.lr or set --optim.clip_norm 1. "
            f"Last good checkpoint: {last if last.exists() else 'none was written yet'}"
        )

    def _epoch_record(self, losses: list[float], seconds: float) -> dict[str, Any]:
        return {
            "kind": "epoch",
            "step": self.position.step,
            "epoch": self.position.epoch,
            "lr": float(self.rates[self.position.step - 1]),
            "train_loss": float(np.mean(losses)) if losses else None,
            "images_per_second": round(len(losses) * self.images_per_step / seconds, 2),
        }

    def _evaluate_and_select(self) -> dict[str, Any]:
        ema = self.step.ema
        with ema.applied() if ema is not None else nullcontext():
            metrics = self.evaluate()
            position = self.position
            if position.best is None or metrics["top1"] > position.best:
                position.best, position.best_epoch = metrics["top1"], position.epoch
                self.checkpoints.save_best(position)
        return {f"eval_{name}": value for name, value in metrics.items()}

    def _say_epoch(self, record: dict[str, Any]) -> None:
        shown = ", ".join(
            f"{key} {value:.4g}" for key, value in record.items() if isinstance(value, float)
        )
        self.log.console.print(f"epoch {record['epoch']}/{self.epochs}: {shown}", highlight=False)
