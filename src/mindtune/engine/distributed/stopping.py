"""A request to stop, by signal or from another rank: noted, and served between two updates."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any, TypeVar

from mindtune.errors import UserError

Item = TypeVar("Item")

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2)


class StopRequested(Exception):  # noqa: N818
    """Work was left because of a request to stop; whoever catches it writes the checkpoint."""


class StoppedError(UserError):
    """Training was asked to stop and did, after a checkpoint; exits as a shell counts signals."""

    def __init__(self, message: str, number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + number


@dataclass
class StopRequest:
    """Whether somebody wants this run to end.

    Attributes:
        serve: False on ranks that leave it to rank 0, whose checkpoint holds for all.
        number: the first signal, None while there is none.
    """

    serve: bool = True
    number: int | None = None
    _usual: dict[int, Any] = field(default_factory=dict)

    @property
    def is_due(self) -> bool:
        """Whether this process must stop now."""
        return self.serve and self.number is not None

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Within the block a first signal is noted; the same again has its usual effect.

        ``mindspore.dataset`` passes SIGINT on as SIGTERM while batches are made.
        Python gives signals to the main thread alone; in another thread this does nothing.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        self._usual = {number: signal.signal(number, self._note) for number in STOP_SIGNALS}
        try:
            yield
        finally:
            for number, handler in self._usual.items():
                signal.signal(number, handler)

    def interrupting(self, items: Iterable[Item]) -> Iterator[Item]:
        """``items``, until a stop is due.

        Raises:
            StopRequested: it is.
        """
        for item in items:
            if self.is_due:
                raise StopRequested
            yield item

    def _note(self, number: int, _: FrameType | None) -> None:
        if self.number is None:
            self.number = number
        signal.signal(number, self._usual[number])
