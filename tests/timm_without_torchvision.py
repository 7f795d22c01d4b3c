"""timm, imported where torchvision is absent.

timm wants names of torchvision when it is imported, and its code for images only, which no test
needs. torchvision's compiled part loads beside one build of torch only, so the extra ``parity``
does without it: while timm is imported, empty classes stand for its names.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import sys
from types import ModuleType

_ABSENT = "torchvision"


class _Name(type):
    """An empty class, all attributes of which are distinct empty classes."""

    def __getattr__(cls, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return _Name(name, (), {})


class _Names(ModuleType):
    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return _Name(name, (), {})


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] == _ABSENT:
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return _Names(spec.name)

    def exec_module(self, module):
        """Nothing to run."""


def _import_timm() -> ModuleType:
    if importlib.util.find_spec(_ABSENT) is not None:
        return importlib.import_module("timm")
    finder = _Finder()
    sys.meta_path.append(finder)
    try:
        return importlib.import_module("timm")
    finally:
        sys.meta_path.remove(finder)
        for name in [name for name in sys.modules if name.split(".")[0] == _ABSENT]:
            del sys.modules[name]


timm = _import_timm()
