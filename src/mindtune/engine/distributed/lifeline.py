"""Connections on which ranks learn of each other's end, since collectives wait for ever.

Every rank keeps one TCP connection to rank 0 and a thread that reads it. A rank that fails says
why; one that is killed, or whose machine is lost, closes its connection without a word. Either way
rank 0 prints one message and every rank exits, whatever its main thread is waiting for.
"""

from __future__ import annotations

import atexit
import os
import selectors
import signal
import socket
import sys
import threading
import time
import traceback
from dataclasses import dataclass, field
from types import TracebackType
from typing import NoReturn

from mindtune.engine.distributed.connection import Connection, Message
from mindtune.engine.distributed.launch import detect_launch
from mindtune.engine.distributed.stopping import STOP_SIGNALS, StopRequest
from mindtune.errors import ConfigError

LOST = 75  # sysexits.h: temporary failure, worth another try
_VERDICT_SECONDS = 3.0  # a collective that fails is faster than the news of the rank that died
_RESUME = "continue from the last checkpoint with --resume auto"


@dataclass
class Lifeline:
    """This rank's connections, and the thread that reads them.

    Attributes:
        rank: of this process.
        seconds: bound of every wait.
        stop: where a request to stop is noted.
        own_scheduler: whether the cluster ends with rank 0, so that nobody needs to sign off.
    """

    rank: int
    seconds: int
    stop: StopRequest
    own_scheduler: bool
    connections: list[Connection] = field(default_factory=list)
    finished: threading.Event = field(default_factory=threading.Event)
    ending: threading.Lock = field(default_factory=threading.Lock)
    deadline: float | None = None

    def start(self) -> None:
        """Watch from now on: connections, signals to stop, and exceptions nobody catches."""
        global _current
        _current = self
        wake, self.wake = socket.socketpair()
        wake.setblocking(False)
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        self._wake_writer = wake
        sys.excepthook = self._uncaught
        atexit.register(_close_current)
        threading.Thread(target=self._watch, name="lifeline", daemon=True).start()

    def close(self) -> None:
        """Leave together: returns when every rank has finished its work."""
        global _current
        if self.rank > 0:
            self.connections[0].send({"done": True})
        if self.connections and not self.finished.wait(self.seconds):
            self.fail(f"error: not every rank finished within {self.seconds} s", LOST)
        _current = None
        sys.excepthook = sys.__excepthook__
        signal.set_wakeup_fd(-1)

    def fail(self, message: str, code: int) -> NoReturn:
        """End every rank with ``code``; rank 0 prints ``message``, unless another came first."""
        if self.rank == 0:
            self._end_all(message, code)
        self.connections[0].send({"failed": f"rank {self.rank}: {message}", "code": code})
        time.sleep(self.seconds)
        _exit(code)

    def _uncaught(
        self, kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        time.sleep(_VERDICT_SECONDS)
        self.fail("".join(traceback.format_exception(kind, error, trace)), 1)

    def _watch(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self.wake, selectors.EVENT_READ)
            for connection in self.connections:
                selector.register(connection.channel, selectors.EVENT_READ, connection)
            while not self.finished.is_set():
                for key, _ in selector.select(timeout=1.0):
                    if key.data is None:
                        self._hear_signals()
                        continue
                    messages = key.data.receive()
                    if messages is None:
                        selector.unregister(key.fileobj)
                        self._lost(key.data)
                    for message in messages or ():
                        self._obey(message, key.data)
                self._check_deadline()

    def _hear_signals(self) -> None:
        for number in self.wake.recv(64):
            if number not in STOP_SIGNALS:
                continue
            self.deadline = self.deadline or time.monotonic() + self.seconds
            if self.rank > 0:
                self.connections[0].send({"stop": number})

    def _check_deadline(self) -> None:
        if self.deadline is None or time.monotonic() < self.deadline:
            return
        number = self.stop.number or signal.SIGTERM
        message = f"error: was asked to stop and had not after {self.seconds} s; {_RESUME}"
        if self.rank == 0:
            self._end_all(message, 128 + number)
        _exit(128 + number)

    def _obey(self, message: Message, sender: Connection) -> None:
        if "end" in message:
            _exit(message["end"])
        elif "bye" in message:
            sender.done = True
            self.finished.set()
        elif "failed" in message:
            self._end_all(message["failed"], message["code"])
        elif "stop" in message and self.stop.number is None:
            self.stop.number = message["stop"]
            self.deadline = time.monotonic() + self.seconds
        elif "done" in message:
            sender.done = True
            if all(connection.done for connection in self.connections):
                for connection in self.connections:
                    connection.send({"bye": True})
                self.finished.set()

    def _lost(self, connection: Connection) -> None:
        """A connection ended; among the ranks that see rank 0 go, rank 1 speaks."""
        if connection.done:
            return
        message = f"error: {connection.name} ended without a word, probably killed; {_RESUME}"
        if self.rank == 0:
            self._end_all(message, LOST)
        if self.rank == 1:
            _say(message)
        _exit(LOST)

    def _end_all(self, message: str, code: int) -> NoReturn:
        """Print, tell the others, wait until they are gone; the first caller's word counts."""
        with self.ending:
            _say(message)
            for connection in self.connections:
                connection.send({"end": code})
            end = time.monotonic() + _VERDICT_SECONDS
            for connection in self.connections:
                connection.channel.settimeout(max(end - time.monotonic(), 0.01))
                while connection.receive() is not None:
                    pass
            _exit(code)


_current: Lifeline | None = None


def end_run(message: str, code: int) -> int:
    """Print ``message`` and return ``code``; one rank of several ends them all instead.

    Before the ranks have met, a mistake in their common options befalls all: rank 0 says it, and
    the launcher ends the others while they wait.
    """
    if _current is not None:
        _current.fail(message, code)
    if not _is_rank_0():
        time.sleep(_VERDICT_SECONDS)
    _say(message)
    return code


def _is_rank_0() -> bool:
    try:
        return detect_launch().rank <= 0
    except ConfigError:
        return True


def leave_run() -> None:
    """The work is done; one rank of several waits for the others.

    Ranks of mpirun end here with code 0: MindSpore's goodbye to a scheduler that rank 0 is about
    to take with it can last for minutes. msrun's scheduler waits for that goodbye.
    """
    if _current is None:
        return
    own_scheduler = _current.own_scheduler
    _close_current()
    if own_scheduler:
        _exit(0)


def _close_current() -> None:
    """Leave with the others; at exit too, for programs which use the package as a library."""
    if _current is not None:
        _current.close()


def _say(message: str) -> None:
    """Print to stderr, unless whoever read it is gone."""
    try:
        sys.stdout.flush()
        print(message.rstrip("\n"), file=sys.stderr, flush=True)
    except OSError:
        return


def _exit(code: int) -> NoReturn:
    """End at once, without MindSpore's goodbye to a cluster that is falling apart."""
    try:
        sys.stdout.flush()
    except OSError:
        os._exit(code)
    os._exit(code)
