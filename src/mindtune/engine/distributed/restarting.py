"""Start a run again from its last checkpoint when it fails, where no scheduler does that."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from mindtune.engine.distributed.guard import PARENT_GONE, die_with_parent
from mindtune.engine.distributed.launch import ALONE, detect_launch
from mindtune.errors import ConfigError, UserError

_PATIENT = {  # launchers that pass this signal on and wait; SIGTERM makes them leave their ranks
    "mpirun": signal.SIGUSR1,
    "mpiexec": signal.SIGUSR1,
}
_SECONDS_BETWEEN = 2.0
_FORWARDED = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
_NOT_TAKEN_OVER = ("--launcher", "null", "--restart_on_failure", "0")


class FailedRunError(UserError):
    """The supervised run failed for good; exits as it did."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def run_with_restarts(
    argv: Sequence[str], launcher: str | None, restarts: int, last_checkpoint: Path
) -> None:
    """Run this program again and again, until it succeeds or ``restarts`` are used up.

    Args:
        argv: words after this program's name, the options of the run at their end.
        launcher: what starts its ranks, such as ``mpirun -n 8``; None for a single process.
        restarts: how often a failed run is started again. Wrong options (exit code 2) and a signal
            to this process end it at once.
        last_checkpoint: what the run continues from if it is newer than this process; a run that
            failed before writing it starts anew.

    Raises:
        ConfigError: this process is itself a rank.
        FailedRunError: the last attempt failed; with its exit code.
    """
    if detect_launch().launcher != ALONE:
        raise ConfigError(
            "restart_on_failure: got it inside mpirun, srun or msrun, whose end no rank survives; "
            "start the training alone and name them: --launcher 'mpirun -n 2'"
        )
    started = time.time()
    command = [*_start(launcher), *argv, *_NOT_TAKEN_OVER]
    for attempt in range(restarts + 1):
        resumed = last_checkpoint.exists() and last_checkpoint.stat().st_mtime >= started
        options = ["--resume", "auto", "--overwrite", "false"] if resumed else []
        code, stopped = _run([*command, *options])
        if code == 0:
            return
        if stopped or code == ConfigError.exit_code or attempt == restarts:
            raise FailedRunError(f"run ended with exit code {code} at attempt {attempt + 1}", code)
        print(f"exit code {code}, {restarts - attempt} restart(s) left", flush=True)
        time.sleep(_SECONDS_BETWEEN)


def _start(launcher: str | None) -> list[str]:
    words = shlex.split(launcher or "")
    if words and Path(words[0]).name == "msrun":
        return [*words, sys.argv[0]]
    return [*words, sys.executable, sys.argv[0]]


def _run(command: list[str]) -> tuple[int, bool]:
    """Exit code of ``command``, as a shell gives it, and whether a signal asked us to stop."""
    stopped = []
    process = subprocess.Popen(command, preexec_fn=lambda: die_with_parent(PARENT_GONE))

    def forward(number: int, _: object) -> None:
        stopped.append(number)
        process.send_signal(_PATIENT.get(Path(command[0]).name, number))

    usual = {number: signal.signal(number, forward) for number in _FORWARDED}
    try:
        code = process.wait()
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)
    return (code if code >= 0 else 128 - code), bool(stopped)
