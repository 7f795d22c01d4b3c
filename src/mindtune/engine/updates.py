"""Updates that the device may still be computing: read late, checked, logged."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field

from mindtune.engine.checkpoint import Checkpoints, Position
from mindtune.engine.log import RoundProgress, RunLog
from mindtune.engine.step import StepOutput
from mindtune.errors import DivergedError


@dataclass
class PendingUpdates:
    """What ``TrainStep`` returned since somebody last looked; looking waits for the device.

    Attributes:
        term_names: names of the objective's loss terms, for the log.
        images_per_update: images one update sees.
    """

    position: Position
    checkpoints: Checkpoints
    log: RunLog
    term_names: tuple[str, ...]
    images_per_update: int
    waiting: list[tuple[int, float, StepOutput]] = field(default_factory=list)
    since: float = field(default_factory=time.perf_counter)

    def add(self, step: int, rate: float, output: StepOutput) -> None:
        """Update number ``step`` (0-based) was started at learning rate ``rate``."""
        self.waiting.append((step, rate, output))

    def read(self, progress: RoundProgress) -> None:
        """Add the losses to the round's mean and log the last update.

        Raises:
            DivergedError: a loss or gradient norm that is NaN or infinite.
        """
        for step, rate, output in self.waiting:
            loss, norm = output.loss(), float(output.grad_norm.asnumpy())
            for name, value in (("loss", loss), ("gradient norm", norm)):
                if not math.isfinite(value):
                    raise self.diverged(f"{name}: got {value}, expected a finite value", step, rate)
            self.position.loss_sum += loss
            self.position.loss_count += 1
        if self.waiting:
            speed = len(self.waiting) * self.images_per_update / (time.perf_counter() - self.since)
            terms = {
                name: float(term.asnumpy()) for name, term in zip(self.term_names, output.terms)
            }
            record = {"loss": loss, **terms, "lr": rate, "grad_norm": norm}
            self.log.write({"kind": "step", "step": step + 1, **record, "images_per_second": speed})
            status = f"loss {loss:.4f}  lr {rate:.3g}  {speed:.0f} images/s"
            progress.say(status, f"step {step + 1}  {status}  grad norm {norm:.3g}")
        self.waiting.clear()
        self.since = time.perf_counter()

    def diverged(self, what: str, step: int, rate: float) -> DivergedError:
        """The error for update ``step``, naming the newest checkpoint that a finite loss followed.

        A checkpoint of ``step`` updates holds the weights that gave the bad value.
        """
        good = self.checkpoints.newest_before(step)
        return DivergedError(
            f"{what}, at update {step + 1} (learning rate {rate:.3g}); lower --optim.lr or set "
            f"--optim.clip_norm 1. Last good checkpoint: {good or 'none was written yet'}"
        )
