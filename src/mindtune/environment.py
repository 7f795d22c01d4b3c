"""Versions that a run was made with, written into its files."""

from __future__ import annotations

import platform
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
