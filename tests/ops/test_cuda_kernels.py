"""The CUDA kernels' build, and what all operators have in common."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from ops.cuda_callers import OperatorError

SCRIPT = Path(__file__).parents[2] / "scripts" / "build_cuda_kernels.sh"


def test_all_tests_of_this_folder_ran_on_a_gpu_too(gpu_operators):
    """Skipped where there is none, and the reason says that nothing here ran on one."""
    assert gpu_operators is not None


def test_nvcc_compiles_every_operator(gpu_library):
    library = ctypes.CDLL(str(gpu_library))
    for name in ("MomentPooling", "CrossCovariance", "SquareRootCovariance"):
        assert hasattr(library, name)
        assert hasattr(library, f"{name}Gradient")


def test_build_script_without_nvcc_says_so():
    bash, dirname = shutil.which("bash"), shutil.which("dirname")
    assert bash is not None
    assert dirname is not None
    done = subprocess.run(
        [bash, str(SCRIPT)],
        env={"PATH": str(Path(dirname).parent)},
        capture_output=True,
        text=True,
    )
    if shutil.which("nvcc", path=str(Path(dirname).parent)):
        pytest.skip("nvcc lies where all programs lie")
    assert done.returncode == 1
    assert done.stderr.startswith("build_cuda_kernels.sh: nvcc not found")


EPS = np.array([1e-5, 1e-12], np.float32)
TOKENS, HEADS = np.zeros((1, 4, 6), np.float32), np.zeros((1, 2, 4, 3), np.float32)
VECTOR, PLAN = np.zeros(3, np.float32), np.array([0, 1, 0, 1], np.int32)
MAPS, NORMS = np.zeros((1, 1, 3, 3), np.float32), np.zeros((1, 1, 3), np.float32)
FUSED = [TOKENS, VECTOR, VECTOR, PLAN, EPS, MAPS, NORMS]


@pytest.mark.parametrize(
    ("name", "arguments", "position", "wrong", "message"),
    [
        ("MomentPooling", FUSED, 0, TOKENS.astype(np.int32), "float32, float16 or bfloat16"),
        ("MomentPooling", FUSED, 0, TOKENS[0], "3 dimensions of argument 0"),
        ("MomentPooling", FUSED, 0, TOKENS[:, :0], "at least one sample and one token"),
        ("MomentPooling", FUSED, 0, TOKENS[..., :5], "a width that the channels"),
        ("MomentPooling", FUSED, 1, VECTOR.astype(np.float16), "float32 as argument 1, got"),
        ("MomentPooling", FUSED, 2, VECTOR[:2], "another shape of argument 2"),
        ("MomentPooling", FUSED, 3, PLAN[:3], "two heads a pair"),
        ("MomentPooling", FUSED, 3, PLAN.astype(np.float32), "int32 as argument 3"),
        ("MomentPooling", FUSED, 6, NORMS[..., :2], "another shape of argument 6"),
        ("CrossCovariance", [HEADS, PLAN[2:], MAPS], 0, HEADS[..., :0], "at least one sample"),
        ("SquareRootCovariance", [TOKENS, PLAN[:3], np.zeros((1, 21), np.float32),
         np.zeros((1, 3, 6, 6), np.float32)], 3, np.zeros((1, 2, 6, 6), np.float32),
         "iterates of whole steps"),
        ("CrossCovarianceGradient", [HEADS, PLAN[2:], MAPS, HEADS], 3,
         HEADS.astype(np.float16), "the type of argument 0 for argument 3, got float16"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_refused(operators, name, arguments, position, wrong, message):
    given = list(arguments)
    given[position] = wrong
    with pytest.raises(OperatorError, match=f"{name}: expected.*{message}"):
        operators(name, given, [])


def test_wrong_number_of_arguments_is_refused(operators):
    with pytest.raises(OperatorError, match="MomentPooling: expected 7 arguments"):
        operators("MomentPooling", FUSED[:6], [])
