"""MindTune: tune pre-trained vision models in MindSpore.

The names below are imported when first used, since MindSpore itself takes a second to load.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from mindtune.version import __version__

_HOMES = {
    "create_backbone": "mindtune.backbones",
    "list_backbones": "mindtune.backbones",
    "register_backbone": "mindtune.backbones",
    "create_dataset": "mindtune.data.datasets",
    "list_datasets": "mindtune.data.datasets",
    "register_dataset": "mindtune.data.datasets",
    "list_methods": "mindtune.methods.table",
    "register_method": "mindtune.methods.table",
    "RunConfig": "mindtune.config",
    "EvaluateConfig": "mindtune.config",
    "ExportConfig": "mindtune.config",
    "configure": "mindtune.configuring",
    "train": "mindtune.training",
    "evaluate": "mindtune.evaluating",
    "export": "mindtune.exporting",
    "load_weights": "mindtune.weights.load",
}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'mindtune' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
