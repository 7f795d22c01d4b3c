"""The CUDA operators, emulated on the CPU and, where there is one, on a GPU."""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from pathlib import Path

import pytest

from ops.cuda_callers import GpuMemory, HostMemory, Operators, has_driver

ROOT = Path(__file__).parents[2]
EMULATOR = Path(__file__).parent / "cuda_on_cpu"
KERNELS = ROOT / "src" / "mindtune" / "ops" / "kernels" / "cuda"


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("g++") is None:
        pytest.skip("no g++ to emulate CUDA with")
    library = tmp_path_factory.mktemp("emulated") / "libmindtune_cuda_on_cpu.so"
    command = ["g++", "-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas"]
    command += ["-shared", "-fPIC", f"-I{EMULATOR}", f"-I{KERNELS.parent}"]
    command += [*map(str, sorted(EMULATOR.glob("*.cpp")))]
    command += ["-x", "c++", *map(str, sorted(KERNELS.glob("*.cu"))), "-o", str(library)]
    subprocess.run(command, check=True)
    return library


@pytest.fixture(scope="session")
def gpu_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For the oldest architecture that nvcc knows, and through PTX for all newer ones."""
    if shutil.which("nvcc") is None:
        pytest.skip("no nvcc on PATH")
    listed = subprocess.run(
        ["nvcc", "--list-gpu-arch"], check=True, capture_output=True, text=True
    ).stdout
    oldest = min(int(name.removeprefix("compute_")) for name in listed.split())
    library = tmp_path_factory.mktemp("gpu") / "libmindtune_cuda.so"
    command = ["bash", str(ROOT / "scripts" / "build_cuda_kernels.sh"), str(library), str(oldest)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr
    assert f"sm_{oldest}" in done.stdout
    return library


@pytest.fixture(scope="session")
def gpu_operators(request: pytest.FixtureRequest) -> Operators:
    try:
        memory = GpuMemory()
    except OSError as error:  # no driver, or no device
        pytest.skip(f"no GPU at hand: {error}")
    caller = ctypes.CDLL(str(request.getfixturevalue("emulator")))
    return Operators(request.getfixturevalue("gpu_library"), caller, memory)


@pytest.fixture(scope="session")
def emulated_operators(emulator: Path) -> Operators:
    return Operators(emulator, ctypes.CDLL(str(emulator)), HostMemory())


@pytest.fixture(params=["emulated", "gpu"] if has_driver() else ["emulated"])
def operators(request: pytest.FixtureRequest) -> Operators:
    return request.getfixturevalue(f"{request.param}_operators")
