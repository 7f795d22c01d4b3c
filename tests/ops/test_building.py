"""The kernels are built where a C++ compiler is, and are not missed where there is none."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from mindtune.ops import kernel_library

ROOT = Path(__file__).parents[2]
COMPILER = (os.environ.get("CXX") or sysconfig.get_config_var("CXX") or "g++").split()[0]
# Runs both operators' composed path in a process whose MindTune has no kernels.
USE = """
import numpy as np
from mindspore import Tensor
from mindtune.ops import MomentPooling, SquareRootCovariance, kernel_library
tokens = Tensor(np.arange(24, dtype=np.float32).reshape(1, 4, 6) ** 2)
ones = Tensor(np.ones(3, np.float32))
print(kernel_library.FOLDER, kernel_library.find_library("CPU"))
pooling = MomentPooling(2, [(0, 1)], "contiguous", "scalar", 1e-5)
print(pooling.uses_kernel, np.isfinite(pooling(tokens, ones, ones).asnumpy()).all())
print(np.isfinite(SquareRootCovariance(6)(tokens).asnumpy()).all())
"""


@pytest.mark.skipif(shutil.which(COMPILER) is None, reason="no C++ compiler here")
def test_kernels_are_built_where_there_is_a_compiler():
    assert kernel_library.find_library("CPU") is not None
    assert kernel_library.instruction_set() in ("portable", "avx2", "avx512")


@pytest.mark.skipif(shutil.which("clang++") is None, reason="no clang here")
@pytest.mark.parametrize("instruction_set", ["avx2", "avx512", "portable"])
def test_clang_compiles_every_instruction_set(instruction_set, tmp_path):
    """It gives parallel regions none, so that vectors may be used in functions alone."""
    source = kernel_library.FOLDER / f"{instruction_set}.cpp"
    options = ["-std=gnu++17", f"-I{source.parent}", "-fopenmp", "-fno-math-errno"]
    done = subprocess.run(
        ["clang++", *options, "-S", "-o", str(tmp_path / "assembly"), str(source)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_only_devices_with_kernels_have_a_library():
    assert kernel_library.find_library("Ascend") is None


def test_an_installation_without_a_compiler_composes(tmp_path):
    pytest.importorskip("setuptools", minversion="77")
    ignored = shutil.ignore_patterns("*.so", "__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=ignored)
    for name in ("setup.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    built = subprocess.run(
        [sys.executable, "setup.py", "build", "--build-lib", "lib"],
        cwd=tmp_path,
        env={**os.environ, "CC": "false", "CXX": "false"},
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    assert "libmindtune_kernels" in built.stderr  # says what it could not build
    used = subprocess.run(
        [sys.executable, "-c", USE],
        cwd=tmp_path / "lib",
        env={**os.environ, "PYTHONPATH": str(tmp_path / "lib")},
        capture_output=True,
        text=True,
    )
    folder = tmp_path / "lib" / "mindtune" / "ops" / "kernels"
    assert used.stdout.split() == [str(folder), "None", "False", "True", "True"], used.stderr
