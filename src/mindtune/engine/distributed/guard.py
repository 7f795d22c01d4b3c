"""A small parent for every rank, so that a launcher in a hurry cannot cut a checkpoint short.

mpirun (Open MPI 5) sends SIGKILL a quarter of a second after SIGTERM, and msrun sends nothing else.
Both reach only the process that they started. That one is kept empty here: it forks the rank into a
session of its own, passes signals on and returns the rank's exit code. When it is killed, the
kernel sends the rank SIGUSR2, and the rank ends by itself: after a checkpoint, or at once where no
training is under way. Launchers send none of those themselves: the same signal twice means haste.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)
PARENT_GONE = signal.SIGUSR2
_SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl(2)


def die_with_parent(number: int) -> None:
    """Ask Linux for signal ``number`` when the parent ends."""
    ctypes.CDLL(None, use_errno=True).prctl(_SET_PARENT_DEATH_SIGNAL, number, 0, 0, 0)


def fork_behind_guard(die_with_launcher: bool) -> None:
    """Return in a new child; the parent waits for it and exits as it does.

    To be called before any thread exists.

    Args:
        die_with_launcher: whether the launcher lives as long as the job; ``msrun`` may not.
    """
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        os.setsid()
        die_with_parent(PARENT_GONE)
        if os.getppid() != parent:
            os._exit(128 + PARENT_GONE)
        return
    for number in _PASSED_ON:
        signal.signal(number, lambda number, _: _send(child, number))
    if die_with_launcher:
        die_with_parent(PARENT_GONE)
    sys.stdout.flush()
    os._exit(_exit_code(child))


def _send(child: int, number: int) -> None:
    try:
        os.kill(child, number)
    except ProcessLookupError:
        return


def _exit_code(child: int) -> int:
    """Wait for ``child``; a death by signal n counts as 128 + n, as in a shell."""
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return 128 + os.WTERMSIG(status)
    return os.WEXITSTATUS(status)
