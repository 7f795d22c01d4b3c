"""What a run was made with and needed, written into its files."""

from __future__ import annotations

import platform
import resource
from importlib import metadata

from mindtune.version import __version__

_PACKAGES = ("mindspore", "numpy", "pillow", "scipy", "scikit-learn", "safetensors")


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
