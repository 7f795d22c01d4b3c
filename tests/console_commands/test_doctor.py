"""``mindtune doctor`` as a user sees it, on machines in every state that can be had here."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import mindtune
from mindtune.console import main

PACKAGE = Path(mindtune.__file__).parent
LIBRARY = Path("mindtune") / "ops" / "kernels" / "libmindtune_kernels.so"
REBUILD = r"cure: pip install --force-reinstall --no-deps \. in MindTune's folder"
OPERATORS = ("HeadCrossCovariance", "MomentPooling", "SquareRootCovariance", "ShrinkingBlock")


@pytest.fixture
def copy(tmp_path, monkeypatch) -> Path:
    """The package's folder, copied, which the device's process imports in the place of ours."""
    shutil.copytree(PACKAGE, tmp_path / "mindtune")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("mindtune.doctor.DEVICE_TARGETS", ("CPU",))
    return tmp_path


def remove(library: Path) -> None:
    library.unlink()


def truncate(library: Path) -> None:
    os.truncate(library, library.stat().st_size // 2)


def write_text(library: Path) -> None:
    library.unlink()
    library.write_text("no library")


@pytest.mark.parametrize(
    ("spoil", "code", "lines"),
    [
        (
            remove,
            0,
            [
                r"note +CPU kernels +not built: .*same results, slower",
                r"cure: install a C\+\+ compiler such as g\+\+, then pip install --force-reinstall "
                r"--no-deps \. in MindTune's folder",
                *(rf"ok +{name} +composed path" for name in OPERATORS),
                r"All that a run needs works here\.",
            ],
        ),
        (
            truncate,
            1,
            [
                r"fault +CPU kernels +broken: died of SIG\w+",
                REBUILD,
                r"To mend before a run: CPU kernels\.",
            ],
        ),
        (
            write_text,
            1,
            [r"fault +CPU kernels +broken: .*libmindtune_kernels\.so: file too short", REBUILD],
        ),
    ],
)
def test_kernels_that_are_absent_or_broken(spoil, code, lines, copy, capsys):
    spoil(copy / LIBRARY)
    assert main(["doctor"]) == code
    out = capsys.readouterr().out
    assert re.search(r"ok +CPU +works with MindSpore \d", out)
    for line in lines:
        assert re.search(line, out), (line, out)


def test_an_instruction_set_that_there_is_not(copy, capsys, monkeypatch):
    monkeypatch.setenv("MINDTUNE_INSTRUCTION_SET", "sse9")
    assert main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert re.search(r"fault +CPU kernels +broken: MINDTUNE_INSTRUCTION_SET: got sse9, exp", out)
    assert "cure: unset MINDTUNE_INSTRUCTION_SET, or set it to one of those" in out
    assert re.search(
        r"note +HeadCrossCovariance +compiled kernel, during whose test it failed", out
    )
    assert re.search(r"note +MomentPooling +compiled kernel, not tested", out)


def test_mindspore_that_cannot_be_imported(copy, capsys):
    (copy / "mindspore.py").write_text("raise ImportError('libgomp.so.1: no such file')")
    assert main(["doctor"]) == 1
    out = capsys.readouterr().out
    assert re.search(r"fault +CPU +MindSpore fails: libgomp\.so\.1: no such file", out)
    assert re.search(r"cure: pip install --force-reinstall mindspore 'numpy<2'", out)
    assert re.search(r"note +CPU kernels +not looked for, as MindSpore does not start", out)
    assert out.endswith("To mend before a run: CPU.\n")


def test_mindspore_that_hangs(copy, capsys):
    (copy / "mindspore.py").write_text("import time; time.sleep(60)")
    assert main(["doctor", "--time_limit", "1"]) == 1
    out = capsys.readouterr().out
    assert re.search(r"fault +CPU +MindSpore fails: no answer within 1 s", out)
    assert "cure: let it take longer with --time_limit SECONDS" in out


def test_as_a_user_types_it(tmp_path):
    """All devices, in a process of its own, from a folder that stays empty."""
    installed = Path(sys.executable).with_name("mindtune")
    code = "import sys; from mindtune.console import main; sys.exit(main())"
    command = [str(installed)] if installed.exists() else [sys.executable, "-c", code]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "MINDTUNE_INSTRUCTION_SET": "portable",
    }
    done = subprocess.run(
        [*command, "doctor"], capture_output=True, text=True, cwd=tmp_path, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    assert len(done.stdout.splitlines()) <= 50
    assert {line.split()[0] for line in done.stdout.splitlines() if line[:3] == "  o"} == {"ok"}
    for subject in ("MindTune", "MindSpore", "numpy", "CPU", "GPU", "Ascend", "mpirun", "mpi4py"):
        assert re.search(rf"^  (ok|note) +{subject} ", done.stdout, re.MULTILINE), subject
    assert re.search(r"ok +CPU kernels +built, in use with portable", done.stdout)
    for name in OPERATORS:
        assert re.search(rf"ok +{name} +compiled kernel, within \d\.\de-0\d of", done.stdout), name
    assert list(tmp_path.iterdir()) == []
