"""Parameters that begin to train later than the others."""

from __future__ import annotations

from collections.abc import Sequence

from mindspore import Parameter, Tensor, nn, ops

from mindtune.engine.optim import SGD, AdamW
from mindtune.engine.scheduled import scheduled_scalar


class LateStart(nn.Cell):
    """Two optimisers, the second of which waits: its moments and its count begin when it does.

    DINO holds back the prototypes in its first epoch in this way, by giving them no gradient.

    Args:
        on_time: optimiser of the parameters that always train.
        late: optimiser of the others.
        places: of the latter's parameters among all gradients.

    Attributes:
        begun: 1 when ``late`` runs, set from a schedule before every update.
    """

    def __init__(self, on_time: AdamW | SGD, late: AdamW | SGD, places: Sequence[int]) -> None:
        super().__init__(auto_prefix=False)
        self.on_time, self.late = on_time, late
        total = len(on_time.parameters) + len(late.parameters)
        self.places = tuple(places)
        self.other_places = tuple(i for i in range(total) if i not in places)
        self.begun = scheduled_scalar("late_start.begun")
        self.decay_share = on_time.decay_share
        late.decay_share = self.decay_share

    def construct(self, lr: Tensor, gradients: tuple[Tensor, ...]) -> Tensor:
        punctual: tuple[Tensor, ...] = ()
        for place in self.other_places:
            punctual += (gradients[place],)
        done = self.on_time(lr, punctual)
        if self.begun > 0:
            waiting: tuple[Tensor, ...] = ()
            for place in self.places:
                waiting += (gradients[place],)
            done = ops.depend(done, self.late(lr, waiting))
        return done

    def state(self) -> list[Parameter]:
        """What a checkpoint must hold to continue exactly."""
        return [*self.on_time.state(), *self.late.state()]
