"""Numbers of a step that follow a schedule of their own, beside the learning rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from mindspore import Parameter, Tensor, nn
from mindspore import dtype as mstype


@dataclass(frozen=True)
class Scheduled:
    """A scalar parameter of some Cell and its value at every update.

    Attributes:
        parameter: part of no checkpoint, since the schedule knows it.
        values: one an update of the whole run; the last one holds from then on.
    """

    parameter: Parameter
    values: np.ndarray

    def set(self, place: int) -> None:
        """Set the value of update ``place`` (0-based, by the share of the schedule)."""
        value = self.values[min(place, len(self.values) - 1)]
        self.parameter.set_data(Tensor(value, mstype.float32))


@dataclass(frozen=True)
class StepParts:
    """What a method adds to the train step.

    Attributes:
        scheduled: numbers that change from update to update.
        follower: moves after each update, such as a teacher; None: nothing does.
        late: parameters that do not train in the first updates.
        late_start: the update (0-based) with which they begin.
        state: parameters beside the network's that a checkpoint must hold.
    """

    scheduled: Sequence[Scheduled] = ()
    follower: nn.Cell | None = None
    late: Sequence[Parameter] = ()
    late_start: int = 0
    state: Sequence[Parameter] = field(default_factory=tuple)


def scheduled_scalar(name: str, value: float = 1.0) -> Parameter:
    """A parameter for ``Scheduled``."""
    return Parameter(Tensor(value, mstype.float32), name=name, requires_grad=False)


def half_cosine(start: float, end: float, updates: int) -> np.ndarray:
    """From ``start`` towards ``end`` on half a cosine without warm-up, (updates,).

    ``end + (start - end) (1 + cos(pi i / updates)) / 2`` at update i, as DINO moves its weight
    decay and the momentum of its teacher.
    """
    share = np.arange(updates) / max(updates, 1)
    return end + (start - end) * (1 + np.cos(np.pi * share)) / 2


def epoch_ramp(start: float, end: float, epochs: int, total: int, delay: int = 0) -> np.ndarray:
    """One value an epoch, (total,): linear from ``start`` to ``end`` in ``epochs``, then constant.

    ``delay`` epochs at ``start`` come before. Shorter runs get the beginning; the released code
    cannot run them.
    """
    ramp = np.concatenate([np.full(delay, start), np.linspace(start, end, max(epochs, 1))])
    return np.pad(ramp, (0, max(total - len(ramp), 0)), mode="edge")[:total]
