"""The optional packages ``onnx`` and ``onnxruntime``."""

from __future__ import annotations

import importlib
from types import ModuleType

from mindtune.errors import UserError


def require(name: str) -> ModuleType:
    """Import the package ``name``, which only ONNX export needs.

    Raises:
        UserError: it is not installed, or cannot be loaded.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UserError(
            f"file_format: got ONNX, expected the package {name} to be installed ({error}); "
            "run: pip install 'mindtune[onnx]'"
        ) from error
