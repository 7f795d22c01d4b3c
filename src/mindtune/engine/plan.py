"""Length of a run and where it is evaluated: counted in epochs, or in updates.

A round is what lies between two records of the log: an epoch, or the updates up to the next
evaluation. A round is closed by its record, its evaluation and a checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from mindtune.engine.checkpoint import Position


class Plan(Protocol):
    """What the loop asks of a run's length.

    Attributes:
        images_per_epoch: images from which an epoch takes as many updates as they fill.
        images_per_step: images an update sees, over all ranks.
    """

    @property
    def images_per_epoch(self) -> int: ...

    @property
    def images_per_step(self) -> int: ...

    def is_over(self, position: Position) -> bool:
        """Whether nothing is left to train or to close."""
        ...

    def updates_left(self, position: Position) -> int:
        """Updates that the round under way still lacks."""
        ...

    def next_update(self, position: Position) -> int:
        """Index of the next update's learning rate."""
        ...

    def is_evaluated(self, position: Position) -> bool:
        """Whether the round that ends at ``position`` ends in an evaluation."""
        ...

    def title(self, position: Position) -> str:
        """What to call the round under way."""
        ...


@dataclass(frozen=True)
class EpochPlan:
    """A number of epochs; each is a round.

    Attributes:
        epochs: epochs to run, cool-down included.
        steps_per_epoch: updates of a whole epoch.
        evaluate_every: epochs between evaluations; the last is always evaluated.
    """

    epochs: int
    steps_per_epoch: int
    evaluate_every: int
    images_per_epoch: int
    images_per_step: int

    def is_over(self, position: Position) -> bool:
        return position.epoch >= self.epochs

    def updates_left(self, position: Position) -> int:
        return (self.images_per_epoch - position.images_in_epoch) // self.images_per_step

    def next_update(self, position: Position) -> int:
        """By the share of the schedule behind us, whatever number of ranks that was on."""
        in_epoch = min(position.images_in_epoch // self.images_per_step, self.steps_per_epoch)
        return position.epoch * self.steps_per_epoch + in_epoch

    def is_evaluated(self, position: Position) -> bool:
        return position.epoch % self.evaluate_every == 0 or position.epoch == self.epochs

    def title(self, position: Position) -> str:
        return f"epoch {position.epoch + 1}/{self.epochs}"


@dataclass(frozen=True)
class StepPlan:
    """A number of updates, over as many epochs as they take; each round is evaluated.

    Updates count alike on any number of ranks: a run which goes on with more ranks makes the
    same number of larger updates.

    Attributes:
        steps: updates to run.
        steps_per_round: updates between evaluations; the last one is always evaluated.
    """

    steps: int
    steps_per_round: int
    images_per_epoch: int
    images_per_step: int

    def is_over(self, position: Position) -> bool:
        return position.step >= self.steps and position.round_is_closed

    def updates_left(self, position: Position) -> int:
        return self._end_of_round(position) - position.step

    def next_update(self, position: Position) -> int:
        return position.step

    def is_evaluated(self, position: Position) -> bool:
        return True

    def title(self, position: Position) -> str:
        return f"step {self._end_of_round(position)}/{self.steps}"

    def _end_of_round(self, position: Position) -> int:
        start = position.step - position.loss_count
        return min(start + self.steps_per_round, self.steps)
