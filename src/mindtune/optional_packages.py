"""Packages that only a part of MindTune needs, imported where that part is used."""

from __future__ import annotations

import importlib
from types import ModuleType

from mindtune.errors import MissingPackageError


def require_package(name: str, what: str, extra: str) -> ModuleType:
    """Import the package ``name``.

    Args:
        name: what Python imports.
        what: who needs it, for the message.
        extra: the extra of MindTune that brings it.

    Raises:
        MissingPackageError: it is not installed, or cannot be loaded.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingPackageError(
            f"{what}, expected the package {name} to be installed ({error}); "
            f"run: pip install 'mindtune[{extra}]'"
        ) from error
