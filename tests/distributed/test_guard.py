from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mindtune.engine.distributed.guard import PARENT_GONE

RANK = """
import sys, time
from pathlib import Path
from mindtune.engine.distributed.guard import fork_behind_guard
from mindtune.engine.distributed.stopping import StopRequest
fork_behind_guard(die_with_launcher=True)
stop = StopRequest()
with stop.listening():
    Path("training").touch()
    while not stop.is_due:
        time.sleep(0.01)
    time.sleep(1.0)  # the update under way
    Path("checkpoint.part").write_text(str(stop.number))
    Path("checkpoint.part").rename("checkpoint")
"""


def await_file(file: Path) -> None:
    end = time.monotonic() + 60
    while not file.exists():
        assert time.monotonic() < end, f"{file} never came"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, None])
def test_a_launcher_in_a_hurry_cannot_cut_a_checkpoint_short(number: int | None, tmp_path: Path):
    guard = subprocess.Popen([sys.executable, "-c", RANK], cwd=tmp_path)
    await_file(tmp_path / "training")
    if number is not None:
        guard.send_signal(number)
        time.sleep(0.3)
    guard.kill()
    guard.wait()
    await_file(tmp_path / "checkpoint")
    first = PARENT_GONE if number is None else number
    assert (tmp_path / "checkpoint").read_text() == str(int(first))
