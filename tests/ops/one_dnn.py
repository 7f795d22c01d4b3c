"""The library whose products the kernels call, loaded without MindSpore."""

from __future__ import annotations

import ctypes
import importlib.util
from pathlib import Path

import pytest

from ops.kernel_caller import LIBRARY


def _has_one_dnn() -> bool:
    """Loads MindSpore's, since the kernels take what is loaded."""
    found = importlib.util.find_spec("mindspore")
    if found is None or found.origin is None or not LIBRARY.exists():
        return False
    for path in (Path(found.origin).parent / "lib").glob("libdnnl.so.*"):
        ctypes.CDLL(str(path))
    return bool(ctypes.CDLL(str(LIBRARY)).HasMatrixProduct())


needs_one_dnn = pytest.mark.skipif(not _has_one_dnn(), reason="MindSpore carries no oneDNN here")
