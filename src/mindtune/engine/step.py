"""The one train step: forward, backward, unscale, clip, update, average; compiled as a graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Union

import numpy as np
from mindspore import Parameter, ParameterTuple, Tensor, amp, nn, ops
from mindspore import dtype as mstype

from mindtune.engine.clipping import create_clipping
from mindtune.engine.distributed.world import World
from mindtune.engine.ema import Ema
from mindtune.engine.late_start import LateStart
from mindtune.engine.optim import SGD, AdamW
from mindtune.engine.scheduled import StepParts
from mindtune.layers.moving import moving_statistics
from mindtune.layers.random import random_layers, set_random_step

Batch = tuple[Tensor, ...]
Optimizer = Union[AdamW, SGD, LateStart]


class Gradients(nn.Cell):
    """Forward and backward of an objective: loss, terms, and gradients (scaled where fp16 asks)."""

    def __init__(
        self,
        objective: nn.Cell,
        parameters: Sequence[Parameter],
        loss_scaler: amp.DynamicLossScaler | None,
    ) -> None:
        super().__init__(auto_prefix=False)
        self.objective = objective
        self.loss_scaler = loss_scaler
        self.differentiate = ops.value_and_grad(
            self.scaled_loss, None, ParameterTuple(parameters), has_aux=True
        )

    def scaled_loss(self, *batch: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, ...]]:
        loss, terms = self.objective(*batch)
        if self.loss_scaler is None:
            return loss, loss, terms
        return self.loss_scaler.scale(loss), loss, terms

    def construct(self, *batch: Tensor) -> tuple[Tensor, tuple[Tensor, ...], tuple[Tensor, ...]]:
        (_, loss, terms), gradients = self.differentiate(*batch)
        return loss, terms, gradients


class Update(nn.Cell):
    """Clip the gradients and apply them; returns their global norm before clipping.

    ``followers`` run afterwards, such as the weight average.
    """

    def __init__(
        self, optimizer: Optimizer, clip: nn.Cell | None, followers: Sequence[nn.Cell]
    ) -> None:
        super().__init__(auto_prefix=False)
        self.optimizer = optimizer
        self.clip = clip
        self.followers = nn.CellList(followers, auto_prefix=False)

    def construct(self, lr: Tensor, gradients: tuple[Tensor, ...]) -> Tensor:
        square = Tensor(0.0, mstype.float32)
        for gradient in gradients:
            square = square + ops.sum(gradient * gradient)
        norm = ops.sqrt(square)
        if self.clip is not None:
            gradients = self.clip(gradients, norm)
        done = self.optimizer(lr, gradients)
        for follower in self.followers:
            done = ops.depend(follower(), done)
        return ops.depend(norm, done)


class ScaledUpdate(nn.Cell):
    """``Update`` behind dynamic loss scaling: an overflow skips the update and lowers the scale."""

    def __init__(self, update: Update, loss_scaler: amp.DynamicLossScaler) -> None:
        super().__init__(auto_prefix=False)
        self.update = update
        self.loss_scaler = loss_scaler

    def construct(self, lr: Tensor, gradients: tuple[Tensor, ...]) -> Tensor:
        finite = amp.all_finite(gradients)
        norm = Tensor(0.0, mstype.float32)
        if finite:
            norm = self.update(lr, self.loss_scaler.unscale(gradients))
        self.loss_scaler.adjust(finite)
        return norm


class SharedUpdate(nn.Cell):
    """Update from what all ranks found: the mean of their gradients; losses travel with them.

    Overflow needs no agreement of its own: it is looked for in the mean, which every rank has.
    Running statistics of batch norms, ``moving``, which every rank takes from its own images,
    become their mean over ranks.
    """

    def __init__(
        self,
        update: nn.Cell,
        mean: nn.Cell,
        num_gradients: int,
        moving: Sequence[Parameter] = (),
    ) -> None:
        super().__init__(auto_prefix=False)
        self.update = update
        self.mean = mean
        self.num_gradients = num_gradients
        self.moving = ParameterTuple(moving)

    def construct(
        self, lr: Tensor, gradients: tuple[Tensor, ...], scalars: tuple[Tensor, ...]
    ) -> tuple[tuple[Tensor, ...], Tensor]:
        statistics: tuple[Tensor, ...] = ()
        for own in self.moving:
            statistics += (own * 1.0,)
        shared = self.mean(gradients + statistics + scalars)
        first_scalar = self.num_gradients + len(self.moving)
        for i in range(len(self.moving)):
            ops.assign(self.moving[i], shared[self.num_gradients + i])
        norm = self.update(lr, shared[: self.num_gradients])
        return shared[first_scalar:], norm


class WholeStep(nn.Cell):
    """Gradients of one batch and their update in one graph."""

    def __init__(self, gradients: Gradients, update: SharedUpdate) -> None:
        super().__init__(auto_prefix=False)
        self.gradients = gradients
        self.update = update

    def construct(self, lr: Tensor, *batch: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
        loss, terms, gradients = self.gradients(*batch)
        return self.update(lr, gradients, (loss, *terms))


class Accumulate(nn.Cell):
    """Add one batch's share of the gradients to the buffers."""

    def __init__(self, gradients: Gradients, buffers: ParameterTuple, share: float) -> None:
        super().__init__(auto_prefix=False)
        self.gradients = gradients
        self.buffers = buffers
        self.share = share

    def construct(self, *batch: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        loss, terms, gradients = self.gradients(*batch)
        for i in range(len(self.buffers)):
            ops.assign_add(self.buffers[i], gradients[i] * self.share)
        return loss, terms


class ApplyAccumulated(nn.Cell):
    """Update from the buffers and empty them."""

    def __init__(self, update: SharedUpdate, buffers: ParameterTuple) -> None:
        super().__init__(auto_prefix=False)
        self.update = update
        self.buffers = buffers

    def construct(self, lr: Tensor, *scalars: Tensor) -> tuple[tuple[Tensor, ...], Tensor]:
        gradients: tuple[Tensor, ...] = ()
        for buffer in self.buffers:
            gradients += (buffer * 1.0,)
        shared, norm = self.update(lr, gradients, scalars)
        for buffer in self.buffers:
            ops.assign(buffer, ops.depend(ops.zeros_like(buffer), norm))
        return shared, norm


@dataclass(frozen=True)
class StepOutput:
    """What one update reports; tensors stay on the device until somebody reads them.

    All are means over ranks.

    Attributes:
        losses: one scalar a batch of the update; their mean is the update's loss.
        terms: the objective's named terms of the last batch.
        grad_norm: global norm of the averaged gradients before clipping; 0 when fp16 overflowed.
    """

    losses: tuple[Tensor, ...]
    terms: tuple[Tensor, ...]
    grad_norm: Tensor

    def loss(self) -> float:
        """Mean loss of the update's batches."""
        return float(np.mean([float(loss.asnumpy()) for loss in self.losses]))


class TrainStep:
    """One update of the trained parameters from ``accumulate`` batches."""

    def __init__(
        self,
        objective: nn.Cell,
        parameters: Sequence[Parameter],
        optimizer: Optimizer,
        *,
        clip_norm: float | None = None,
        clip_each: float | None = None,
        parts: StepParts | None = None,
        ema: Ema | None = None,
        loss_scaler: amp.DynamicLossScaler | None = None,
        accumulate: int = 1,
        world: World | None = None,
        message_mb: float = 32.0,
    ) -> None:
        world = world or World()
        self.accumulate = accumulate
        self.random_layers = random_layers(objective)
        self.optimizer, self.ema, self.loss_scaler = optimizer, ema, loss_scaler
        self.term_names: tuple[str, ...] = objective.term_names
        objective.set_train(True)
        gradients = Gradients(objective, parameters, loss_scaler)
        self.parts = parts or StepParts()
        followers = [cell for cell in (ema, self.parts.follower) if cell is not None]
        update: nn.Cell = Update(optimizer, create_clipping(clip_norm, clip_each), followers)
        if loss_scaler is not None:
            update = ScaledUpdate(update, loss_scaler)
        moving = moving_statistics(objective) if world.size > 1 else []
        shapes = [p.shape for p in (*parameters, *moving)]
        shapes += [()] * (accumulate + len(self.term_names))
        mean = world.mean_of(shapes, message_mb)
        shared = SharedUpdate(update, mean, len(parameters), moving)
        if accumulate == 1:
            self.whole = WholeStep(gradients, shared)
        else:
            buffers = ParameterTuple(parameters).clone("accumulated", init="zeros")
            self.add = Accumulate(gradients, buffers, 1.0 / accumulate)
            self.apply = ApplyAccumulated(shared, buffers)

    def __call__(self, lr: float | np.ndarray, step: int, batches: Sequence[Batch]) -> StepOutput:
        """Update number ``step`` (0-based) from exactly ``accumulate`` batches.

        ``lr`` is one learning rate, or one for each group of the optimiser (G,).
        """
        rate = Tensor(lr, mstype.float32)
        first = step * self.accumulate
        if self.accumulate == 1:
            set_random_step(self.random_layers, first)
            scalars, norm = self.whole(rate, *batches[0])
            return StepOutput(scalars[:1], scalars[1:], norm)
        losses = []
        for offset, batch in enumerate(batches):
            set_random_step(self.random_layers, first + offset)
            loss, terms = self.add(*batch)
            losses.append(loss)
        scalars, norm = self.apply(rate, *losses, *terms)
        return StepOutput(scalars[: self.accumulate], scalars[self.accumulate :], norm)

    def set_schedules(self, place: int) -> None:
        """Prepare update ``place`` of the schedules (0-based)."""
        for scheduled in self.parts.scheduled:
            scheduled.set(place)

    def state(self) -> list[Parameter]:
        """Every parameter beside the network's that a checkpoint must hold to continue exactly."""
        state = [*self.optimizer.state(), *self.parts.state]
        if self.ema is not None:
            state += self.ema.state()
        if self.loss_scaler is not None:
            state += [self.loss_scaler.scale_value, self.loss_scaler.counter]
        return state
