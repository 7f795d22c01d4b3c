"""What a run may use, was made with and needed."""

from __future__ import annotations

import os
import platform
import resource
from importlib import metadata

from mindtune.version import __version__

_PACKAGES = ("mindspore", "numpy", "pillow", "scipy", "scikit-learn", "safetensors")


def usable_cores() -> int:
    """Cores that this process may run on, as its affinity mask says (taskset, a job scheduler)."""
    return len(os.sched_getaffinity(0))


def usable_threads() -> int:
    """Threads that computing takes: ``OMP_NUM_THREADS`` where it is a number, else one a core."""
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return int(asked) if asked.isdecimal() and int(asked) > 0 else usable_cores()


def versions() -> dict[str, str]:
    """Python, this package and what its numbers depend on."""
    return {
        "mindtune": __version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        **{name: metadata.version(name) for name in _PACKAGES},
    }


def peak_memory_mb() -> float:
    """The most main memory that this process has held so far, MiB; a device's own not counted."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)  # KiB on Linux
