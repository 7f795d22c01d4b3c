"""Threads that read and prepare images."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from mindtune.environment import usable_cores


def decoding_pool(workers: int) -> ThreadPoolExecutor:
    """``workers`` threads, at most one for each core that this process may run on.

    PIL's C code releases the interpreter lock, so that they share the cores, not one of them.
    """
    return ThreadPoolExecutor(max(1, min(workers, usable_cores())))
