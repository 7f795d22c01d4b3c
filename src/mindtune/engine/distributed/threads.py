"""Threads a rank may use, so that ranks on one machine share its cores instead of fighting."""

from __future__ import annotations

import os

from mindtune.engine.distributed.launch import Launch

_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def share_cores(launch: Launch) -> None:
    """Set the thread counts that the environment leaves open; must precede NumPy and MindSpore."""
    mine, launchers = (len(os.sched_getaffinity(pid)) for pid in (0, os.getppid()))
    threads = str(threads_for(launch, mine, launchers))
    for name in _VARIABLES:
        os.environ.setdefault(name, threads)


def threads_for(launch: Launch, usable: int, cores: int) -> int:
    """Cores for one rank.

    Args:
        launch: how many ranks this machine holds.
        usable: cores this rank may run on; the launcher may have bound it to a few, or together
            with others to one socket.
        cores: cores the launcher may use for all its ranks here.
    """
    return max(1, min(usable, cores // launch.local_size))
