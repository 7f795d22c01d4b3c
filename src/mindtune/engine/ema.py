"""Exponential moving average of the weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from mindspore import Parameter, ParameterTuple, Tensor, nn, ops
from mindspore import dtype as mstype

from mindtune.errors import ConfigError


class Ema(nn.Cell):
    """``e = decay e + (1 - decay) p`` after every update, without warm-up or bias correction.

    Only what changes is averaged: what trains, and the running statistics that batch norms move
    (the averaged network is evaluated with averaged statistics). Frozen weights equal their
    average. ``count`` is the number of updates averaged.
    """

    def __init__(self, parameters: Sequence[Parameter], decay: float) -> None:
        super().__init__()
        if not 0 <= decay < 1:
            raise ConfigError(f"ema_decay: got {decay}, expected 0 <= value < 1")
        self.parameters = ParameterTuple(parameters)
        self.averages = self.parameters.clone("ema", init="same")
        self.count = Parameter(Tensor(0, mstype.int32), name="ema.count", requires_grad=False)
        self.decay = decay

    def construct(self) -> Tensor:
        for i in range(len(self.averages)):
            average = self.averages[i]
            ops.assign(average, self.decay * average + (1.0 - self.decay) * self.parameters[i])
        return ops.assign_add(self.count, Tensor(1, mstype.int32))

    def state(self) -> list[Parameter]:
        """What a checkpoint must hold to continue exactly."""
        return [*self.averages, self.count]

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Within the block the network holds the averaged weights."""
        trained = [Tensor(p.asnumpy().copy()) for p in self.parameters]
        try:
            for parameter, average in zip(self.parameters, self.averages):
                parameter.set_data(Tensor(average.asnumpy().copy()))
            yield
        finally:
            for parameter, value in zip(self.parameters, trained):
                parameter.set_data(value)
