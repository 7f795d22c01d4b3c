from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from mindtune.errors import ConfigError
from mindtune.ops.kernel_library import call, compiled


@pytest.fixture
def old_library(tmp_path: Path) -> Path:
    """Kernels of another version: they have none of today's operators."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler here")
    source, library = tmp_path / "old.c", tmp_path / "old.so"
    source.write_text("int Old(void) { return 0; }\n")
    subprocess.run([compiler, "-shared", "-fPIC", str(source), "-o", str(library)], check=True)
    return library


def test_kernels_of_another_version_are_to_be_built_again(old_library) -> None:
    message = r"old\.so: got kernels without Gelu, expected .*; build them again: pip install"
    with pytest.raises(ConfigError, match=message):
        compiled(old_library, "Gelu", lambda x: x, lambda x: x)
    with pytest.raises(ConfigError, match=message):
        call(old_library, "Gelu", np.zeros(2, np.float32), np.zeros(2, np.float32))


def test_arrays_with_gaps_are_refused() -> None:
    with pytest.raises(ValueError, match="Gelu: got an array with gaps"):
        call(Path("any.so"), "Gelu", np.zeros((4, 2), np.float32)[:, 0])
