"""A short run of the sanitizers: every remainder of a vector, for every instruction set."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _has_sanitizers() -> bool:
    if shutil.which("g++") is None:
        return False
    found = [
        subprocess.run(["g++", f"-print-file-name={name}"], capture_output=True, text=True).stdout
        for name in ("libasan.so", "libubsan.so")
    ]
    return all(Path(path.strip()).is_absolute() for path in found)  # GCC repeats unknown names


@pytest.mark.skipif(not _has_sanitizers(), reason="no g++ with sanitizers here")
def test_kernels_pass_the_sanitizers():
    run = subprocess.run(
        ["bash", "scripts/sanitize_kernels.sh", "-k", "remainder or one_token or zeros"],
        cwd=ROOT,
        env={**os.environ, "PYTHON": sys.executable, "SANITIZERS": "address,undefined"},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-4000:]
    assert " passed" in run.stdout
