"""All ranks of a run, as one of them sees them."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from mindspore import Parameter, nn
from mindspore.communication import get_group_size, get_rank
from mindspore.communication import init as join_cluster

from mindtune.engine.device import use_device
from mindtune.engine.distributed import agreement, collectives, connection
from mindtune.engine.distributed.average import MeanOverRanks, OwnValues
from mindtune.engine.distributed.cluster import address_towards, form_cluster
from mindtune.engine.distributed.launch import ALONE, MSRUN, detect_launch, is_scheduler
from mindtune.engine.distributed.lifeline import Lifeline
from mindtune.engine.distributed.stopping import StopRequest
from mindtune.errors import UserError


@dataclass(frozen=True)
class World:
    """The ranks that share one run; a single process is a world of one.

    Every method is called by all ranks at the same place, and then returns the same on each.

    Attributes:
        rank: of this process.
        size: ranks in all.
        stop: whether the run was asked to stop.
    """

    rank: int = 0
    size: int = 1
    stop: StopRequest = field(default_factory=StopRequest)

    @property
    def is_main(self) -> bool:
        """Whether this rank writes files and draws; exactly one does."""
        return self.rank == 0

    def barrier(self) -> None:
        """Wait until every rank is here."""
        self.from_main(None)

    def from_main(self, value: Any) -> Any:
        """What rank 0 passed (JSON)."""
        return value if self.size == 1 else collectives.all_gather_json(value)[0]

    def sum(self, values: np.ndarray) -> np.ndarray:
        """Sum of float64 ``values`` over ranks."""
        return values if self.size == 1 else collectives.sum_over_ranks(values)

    def gather(self, values: np.ndarray) -> list[np.ndarray]:
        """``values`` of every rank, in the order of ranks; first axes may differ in length."""
        return [values] if self.size == 1 else collectives.all_gather(values)

    def broadcast(self, parameters: Sequence[Parameter]) -> None:
        """Give every rank the parameters of rank 0, bit for bit."""
        if self.size > 1:
            collectives.broadcast_parameters(parameters)

    def mean_of(self, shapes: Sequence[tuple[int, ...]], message_mb: float) -> nn.Cell:
        """A Cell that averages float32 tensors of ``shapes`` over ranks."""
        if self.size == 1:
            return OwnValues()
        return MeanOverRanks(shapes, self.size, int(message_mb * 2**20))

    def check_same_values(self, what: str, values: Mapping[str, Any], cure: str) -> None:
        """Raises ``RanksDifferError`` where ``values`` (JSON) differ between ranks."""
        if self.size > 1:
            agreement.check_same_values(what, values, cure)

    def check_same_parameters(self, parameters: Sequence[Parameter], step: int) -> None:
        """Raises ``RanksDifferError`` where parameters differ between ranks."""
        if self.size > 1:
            agreement.check_same_parameters(parameters, step)


_world: World | None = None


def init(device_target: str, seed: int, seconds: int) -> World:
    """Choose the device and join the other ranks, if there are any.

    Calling it again returns the same world. The scheduler process of ``msrun`` serves here and
    exits when the ranks have left.

    Args:
        device_target: CPU, GPU or Ascend; each rank takes the device of its number on its machine.
        seed: of MindSpore's initialisers, the same on all ranks.
        seconds: after which a rank or scheduler that is missing is an error.

    Raises:
        UserError: MindSpore has no such device here, or the ranks do not find each other.
    """
    global _world
    launch = detect_launch()
    if _world is None and launch.launcher != ALONE:
        if not is_scheduler():
            form_cluster(launch, seconds)
        use_device(device_target, seed)
        _join(seconds)
        if is_scheduler():
            sys.exit(0)
        _world = _connected(seconds, own_scheduler=launch.launcher != MSRUN)
    else:
        use_device(device_target, seed)
    return _world or World()


def _join(seconds: int) -> None:
    try:
        join_cluster()
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"ranks: did not find each other within {os.environ.get('MS_TOPO_TIMEOUT', seconds)} s "
            f"({reason}); check that all were started and reach the scheduler"
        ) from error


def _connected(seconds: int, own_scheduler: bool) -> World:
    """Open the lifeline; its address goes through the collectives, which work by now."""
    rank, size = get_rank(), get_group_size()
    stop = StopRequest(serve=rank == 0)
    lifeline = Lifeline(rank, seconds, stop, own_scheduler)
    if rank == 0:
        host = address_towards(os.environ["MS_SCHED_HOST"])
        listener, token = connection.listen(host)
        collectives.all_gather_json([host, listener.getsockname()[1], token.hex()])
        lifeline.connections = connection.accept_ranks(listener, token, size, seconds)
    else:
        host, port, token = collectives.all_gather_json(None)[0]
        link = connection.connect_to_rank_0(host, port, bytes.fromhex(token), rank, seconds)
        lifeline.connections = [link]
    lifeline.start()
    return World(rank, size, stop)
