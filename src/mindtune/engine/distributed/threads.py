"""Threads a rank may use, so that ranks on one machine share its cores instead of fighting."""

from __future__ import annotations

import os

from mindtune.engine.distributed.launch import Launch

_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def share_cores(launch: Launch) -> None:
    """Set the thread counts that the environment leaves open; must precede NumPy and MindSpore."""
    threads = str(threads_for(launch, len(os.sched_getaffinity(0)), os.cpu_count() or 1))
    for name in _VARIABLES:
        os.environ.setdefault(name, threads)


def threads_for(launch: Launch, usable: int, cores: int) -> int:
    """Cores for one rank.

    Args:
        launch: how many ranks this machine holds.
        usable: cores this process may run on.
        cores: cores of the machine. Fewer usable ones mean that the launcher has bound this rank to
            cores of its own; otherwise all ranks here share them.
    """
    return max(1, usable if usable < cores else usable // launch.local_size)
