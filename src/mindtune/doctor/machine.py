"""Processors and memory."""

from __future__ import annotations

import os
from pathlib import Path

from mindtune.doctor.finding import Finding, State
from mindtune.environment import usable_cores, usable_threads

_GIB = 2**30
_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def machine_findings() -> list[Finding]:
    """Processors that this process may use, threads that kernels start, memory."""
    cores = usable_cores()
    return [
        Finding("cores", f"{cores} of {os.cpu_count()} (by affinity)"),
        _threads(cores),
        Finding(
            "threads",
            f"compute {usable_threads()} (kernels, MindSpore), decode images up to {cores}",
        ),
        _memory(),
        *_compile_cache(),
    ]


def _threads(cores: int) -> Finding:
    value = os.environ.get("OMP_NUM_THREADS")
    if value is None:
        return Finding("OMP_NUM_THREADS", f"not set: one thread a core, {cores}")
    cure = f"export OMP_NUM_THREADS={cores}, or unset it"
    if not value.isdecimal() or int(value) == 0:
        return Finding("OMP_NUM_THREADS", f"{value!r} is no number of threads", State.NOTE, cure)
    if int(value) > cores:
        return Finding("OMP_NUM_THREADS", f"{value}: threads share cores", State.NOTE, cure)
    return Finding("OMP_NUM_THREADS", value)


def _compile_cache() -> list[Finding]:
    """MindSpore knows kept graphs by the source files alone, not by options or sizes."""
    if os.environ.get("MS_COMPILER_CACHE_ENABLE") != "1":
        return []
    found = "1: MindSpore may run the graph of another network or option, without a word"
    return [Finding("MS_COMPILER_CACHE_ENABLE", found, State.FAULT, "unset it")]


def _memory() -> Finding:
    """What the machine has, and the container's limit where that is less."""
    installed = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    found = f"{installed / _GIB:.1f} GiB"
    limit = _CGROUP_LIMIT.read_text().strip() if _CGROUP_LIMIT.exists() else "max"
    if limit != "max" and int(limit) < installed:
        found += f", of which this container may use {int(limit) / _GIB:.1f} GiB"
    return Finding("memory", found)
