"""Another program, run to its end or to a time limit."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

NO_ANSWER = "no answer within"
TAKE_LONGER = "let it take longer with --time_limit SECONDS"
_GRACE = 5.0  # seconds that a killed program may take to end
_PYTHON_ERROR = re.compile(r"^[\w.]*(?:Error|Exception|Exit): (.+)$", re.MULTILINE)
_CPP_ERROR = re.compile(r"^\s*what\(\):\s+(.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Ending:
    """What a program left: its output, whether it succeeded, and how it ended where that tells."""

    output: str
    errors: str
    succeeded: bool
    how: str = ""

    @property
    def reason(self) -> str:
        """Why it failed: how it ended, and the last error that it told."""
        said = _PYTHON_ERROR.findall(self.errors) or _CPP_ERROR.findall(self.errors)
        said = said or self.errors.splitlines()
        last = next((line.strip() for line in reversed(said) if line.strip()), "")
        return ": ".join(part for part in (self.how, last) if part) or "it says nothing"


@dataclass(frozen=True)
class Program:
    """A program that runs, where its output goes, and until when (of ``time.monotonic``)."""

    process: subprocess.Popen
    output: Path
    errors: Path
    time_limit: float
    deadline: float

    def ending(self) -> Ending:
        """Wait for its end, until the time limit since its start at most."""
        try:
            code = self.process.wait(max(0.0, self.deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            return Ending(*self._texts(), False, f"{NO_ANSWER} {self.time_limit:g} s")
        how = f"died of {signal.Signals(-code).name}" if code < 0 else ""
        return Ending(*self._texts(), code == 0, how)

    def _texts(self) -> tuple[str, str]:
        return self.output.read_text(errors="replace"), self.errors.read_text(errors="replace")


@contextlib.contextmanager
def started(command: Sequence[str], time_limit: float) -> Iterator[Program]:
    """A program that runs within, in an empty folder, and is gone afterwards.

    It writes to files, not pipes: a child of its own which outlives it could keep a pipe open for
    ever.

    Raises:
        OSError: it cannot be started.
    """
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder, "output"), Path(folder, "errors")
        with files[0].open("wb") as output, files[1].open("wb") as errors:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                cwd=folder,
                env=_environment(command),
                start_new_session=True,  # to be killed with its children
            )
        try:
            yield Program(process, *files, time_limit, time.monotonic() + time_limit)
        finally:
            _end(process)


def _end(process: subprocess.Popen) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):  # it hangs inside a driver
            process.wait(_GRACE)


def run_program(command: Sequence[str], time_limit: float) -> Ending:
    """Run ``command`` to its end or to the time limit in seconds."""
    try:
        with started(command, time_limit) as program:
            return program.ending()
    except OSError as error:
        return Ending("", "", False, f"cannot be started ({error.strerror})")


def _environment(command: Sequence[str]) -> dict[str, str]:
    """Python imports there what it imports here; other programs keep their environment."""
    if command[0] != sys.executable:
        return dict(os.environ)
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path))}
