from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from mindtune.doctor.program import run_program, started


def python(code: str, time_limit: float = 60) -> object:
    return run_program([sys.executable, "-c", code], time_limit)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("raise ValueError('no such\\ndevice')", "no such"),
        ("raise ImportError('first') from KeyError('second')", "first"),
        ("import sys; sys.exit('left')", "left"),
        ("import sys; sys.exit(3)", "it says nothing"),
        ("import os; os.abort()", "died of SIGABRT"),
        (
            "import os, sys; print('terminate\\n  what():  bad set', file=sys.stderr); os.abort()",
            "died of SIGABRT: bad set",
        ),
    ],
)
def test_reason_of_a_failure(code, reason):
    ending = python("print('before', flush=True)\n" + code)
    assert not ending.succeeded
    assert ending.reason == reason
    assert ending.output == "before\n"


def test_success_imports_what_we_import_in_an_empty_folder(tmp_path, monkeypatch):
    (tmp_path / "only_here.py").write_text("value = 7")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(".")
    ending = python("import os, only_here; open('left', 'w'); print(only_here.value, os.getcwd())")
    assert ending.succeeded
    value, folder = ending.output.split()
    assert value == "7"
    assert not Path(folder).exists()


def test_a_program_that_hangs_is_ended_with_its_children(tmp_path):
    file = tmp_path / "child"
    code = (
        "import os, subprocess, sys, time\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
        f"open({str(file)!r}, 'w').write(str(child.pid))\n"
        "print('started', flush=True)\n"
        "time.sleep(60)\n"
    )
    start = time.monotonic()
    ending = python(code, time_limit=2)
    assert time.monotonic() - start < 20
    assert not ending.succeeded
    assert ending.reason == "no answer within 2 s"
    assert ending.output == "started\n"
    assert not is_running(int(file.read_text()))


def test_programs_side_by_side_share_their_time():
    sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
    start = time.monotonic()
    with started(sleep, 3) as one, started(sleep, 3) as other:
        reasons = [one.ending().reason, other.ending().reason]
    assert reasons == ["no answer within 3 s"] * 2
    assert time.monotonic() - start < 5.5


def is_running(pid: int) -> bool:
    """Neither gone nor dead and waiting for its parent."""
    for _ in range(50):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return False
        if state == "Z":
            return False
        time.sleep(0.1)
    return True


def test_a_file_that_is_no_program(tmp_path):
    file = tmp_path / "program"
    file.write_bytes(b"\0nothing")
    file.chmod(0o755)
    ending = run_program([str(file)], 5)
    assert not ending.succeeded
    assert ending.reason == f"cannot be started ({os.strerror(8)})"
