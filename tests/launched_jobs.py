"""Starting this package's programs through the real mpirun and msrun."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
TRAIN, EVAL = ROOT / "train.py", ROOT / "eval.py"
BESIDE_PYTHON = Path(sys.executable).parent
LIMIT = 240.0  # seconds; generous, since tests may share their cores
MARK = "MINDTUNE_TEST_JOB"


@dataclass
class Job:
    """A launcher's process and everything it started, known by a variable of its environment."""

    process: subprocess.Popen[str]
    mark: str
    out: Path
    err: Path
    started: float = field(default_factory=time.monotonic)

    def pids(self) -> dict[int, str]:
        """Living processes of the job and their command lines."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if f"{MARK}={self.mark}".encode() in (folder / "environ").read_bytes():
                    line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                    if line:
                        found[int(folder.name)] = line
            except OSError:
                continue
        return found

    def worker(self, rank: int, variable: str = "OMPI_COMM_WORLD_RANK") -> int:
        """The process that trains as ``rank``: the one whose parent is its guard."""
        wanted = f"{variable}={rank}".encode()
        ranks = {
            pid
            for pid, line in self.pids().items()
            if "train.py" in line
            and wanted in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        }
        (worker,) = (pid for pid in ranks if _parent(pid) in ranks)
        return worker

    def await_line(self, text: str) -> None:
        """Wait until ``text`` has been printed."""
        end = time.monotonic() + LIMIT
        while text not in self.out.read_text():
            assert self.process.poll() is None, self.out.read_text() + self.err.read_text()
            assert time.monotonic() < end, f"{text!r} never came: {self.out.read_text()}"
            time.sleep(0.02)

    def wait(self, orphans_gone_within: float = 60.0) -> int:
        """The launcher's exit code; all its processes are gone soon after."""
        code = self.process.wait(LIMIT)
        end = time.monotonic() + orphans_gone_within
        while self.pids():
            assert time.monotonic() < end, f"orphans: {self.pids()}"
            time.sleep(0.05)
        return code

    def said(self) -> str:
        """Everything printed to stdout."""
        return self.out.read_text()

    def complaints(self) -> list[str]:
        """Lines of stderr that are ours."""
        lines = self.err.read_text().splitlines()
        words = ("error:", "SIG", "stopped", "Traceback", "interrupted")
        return [line for line in lines if any(word in line for word in words)]


@dataclass
class Starter:
    """Starts jobs in ``folder``, and ends what is left of them."""

    folder: Path
    jobs: list[Job] = field(default_factory=list)

    def run(self, *words: object, **environment: str) -> Job:
        """Start a command line."""
        mark = uuid.uuid4().hex
        inherited = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
        variables = {
            **inherited,
            MARK: mark,
            "GLOG_v": "4",
            "PATH": f"{BESIDE_PYTHON}:{os.environ['PATH']}",
            "OMPI_ALLOW_RUN_AS_ROOT": "1",
            "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
            "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
            **environment,
        }
        number = len(self.jobs)
        out, err = self.folder / f"{number}.out", self.folder / f"{number}.err"
        with out.open("w") as stdout, err.open("w") as stderr:
            process = subprocess.Popen(
                [str(word) for word in words],
                cwd=self.folder,
                env=variables,
                stdout=stdout,
                stderr=stderr,
                text=True,
            )
        self.jobs.append(Job(process, mark, out, err))
        return self.jobs[-1]

    def mpirun(self, *words: object, **environment: str) -> Job:
        """``mpirun -n 2 python ...``."""
        return self.run("mpirun", "-n", 2, sys.executable, *words, **environment)

    @staticmethod
    def free_port() -> int:
        """A port on which nobody listens."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            return int(server.getsockname()[1])

    def clear(self) -> None:
        """Kill whatever is still there."""
        for job in self.jobs:
            for pid in job.pids():
                os.kill(pid, signal.SIGKILL)
            job.process.wait()


def _parent(pid: int) -> int:
    status = Path(f"/proc/{pid}/stat").read_text()
    return int(status.rsplit(")", 1)[1].split()[1])
