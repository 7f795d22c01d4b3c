"""From ranks started by mpirun or srun to a cluster that MindSpore can join.

MindSpore's own way from ``mpirun`` needs Open MPI 4 and knows no CPU. Its cluster of ``msrun``
works on every device, so the ranks become one: they agree on an address, rank 0 starts the
scheduler process there, and the variables of ``msrun`` replace those of MPI.
"""

from __future__ import annotations

import atexit
import os
import random
import socket
import subprocess
import sys
import time

from mindtune.engine.distributed.launch import MSRUN, SRUN, Launch
from mindtune.errors import ConfigError, UserError

_PORTS = (20000, 32000)  # below the range from which Linux gives ports to clients
_MPI_PREFIXES = ("OMPI_", "PMIX_", "PMI_", "PRTE_")
_HOST, _PORT = "MS_SCHED_HOST", "MS_SCHED_PORT"
_SECONDS_TO_LEAVE = 5.0


def form_cluster(launch: Launch, seconds: int) -> None:
    """Set the environment with which ``mindspore.communication.init()`` joins the cluster.

    Returns when the scheduler answers.

    Raises:
        UserError: no scheduler within ``seconds``, or its port is taken.
        ConfigError: no way to agree on an address.
    """
    scheduler = None
    if launch.launcher != MSRUN:
        host, port = _agree_on_address(launch)
        for name in [name for name in os.environ if name.startswith(_MPI_PREFIXES)]:
            del os.environ[name]  # else MindSpore takes its own way from MPI
        os.environ.update(_cluster_variables(launch, host, port, seconds))
        if launch.rank == 0:
            scheduler = _start_scheduler(host, port)
        os.environ["MS_ROLE"] = "MS_WORKER"
    _await_scheduler(os.environ[_HOST], int(os.environ[_PORT]), seconds, scheduler)


def address_towards(host: str) -> str:
    """This machine's address on the network on which ``host`` is reached; sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((host, 9))
        return probe.getsockname()[0]


def _cluster_variables(launch: Launch, host: str, port: int, seconds: int) -> dict[str, str]:
    return {
        "MS_WORKER_NUM": str(launch.size),
        "MS_NODE_ID": str(launch.rank),
        "MS_TOPO_TIMEOUT": str(seconds),
        "RANK_ID": str(launch.rank),
        "DEVICE_ID": str(launch.local_rank),
        _HOST: host,
        _PORT: str(port),
    }


def _agree_on_address(launch: Launch) -> tuple[str, int]:
    """Where the scheduler will be: as the environment says, else as rank 0 tells through MPI."""
    host, port = os.environ.get(_HOST), os.environ.get(_PORT)
    if host and port:
        return host, int(port)
    if launch.launcher == SRUN:
        raise ConfigError(
            f"srun: got no {_HOST} and {_PORT}, expected the first node and a free port in both; "
            "set them as docs/distributed.md shows"
        )
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError) as error:
        raise ConfigError(
            f"mpirun: mpi4py cannot be used ({error}), which tells the ranks each other's "
            f"addresses; pip install 'mindtune[mpi]', or set {_HOST} and {_PORT}"
        ) from error
    ranks = MPI.COMM_WORLD
    if ranks.Get_size() != launch.size:
        raise ConfigError(
            f"mpirun: started {launch.size} ranks but mpi4py sees {ranks.Get_size()}; expected "
            "mpirun and mpi4py of the same MPI: use the mpirun beside this python"
        )
    names = ranks.gather(socket.gethostname(), root=0)
    address = _choose_address(names or []) if launch.rank == 0 else None
    address = ranks.bcast(address, root=0)
    MPI.Finalize()
    return address


def _choose_address(names: list[str]) -> tuple[str, int]:
    """An address of rank 0's machine that the others reach, with a free port."""
    elsewhere = [name for name in names if name != socket.gethostname()]
    host = address_towards(elsewhere[0]) if elsewhere else "127.0.0.1"
    chance = random.SystemRandom()
    while True:
        port = chance.randrange(*_PORTS)
        if _is_free(host, port):
            return host, port


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _start_scheduler(host: str, port: int) -> subprocess.Popen[bytes]:
    if not _is_free(host, port):
        raise UserError(
            f"{_PORT}: got {port} on {host}, which is taken or no address of this machine, "
            "expected a free port of rank 0's machine; choose another or leave it out"
        )
    scheduler = subprocess.Popen(
        [sys.executable, "-m", "mindtune.engine.distributed.scheduler", str(os.getpid())],
        env={**os.environ, "MS_ROLE": "MS_SCHED", "RANK_ID": "0"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    atexit.register(_reap, scheduler)
    return scheduler


def _reap(scheduler: subprocess.Popen[bytes]) -> None:
    """Let the scheduler see all ranks leave: one that finds it gone would wait for minutes."""
    try:
        scheduler.wait(_SECONDS_TO_LEAVE)
    except subprocess.TimeoutExpired:
        scheduler.kill()
        scheduler.wait()


def _await_scheduler(
    host: str, port: int, seconds: int, scheduler: subprocess.Popen[bytes] | None
) -> None:
    end = time.monotonic() + seconds
    reason = "no answer"
    while time.monotonic() < end:
        if scheduler is not None and scheduler.poll() is not None:
            reason = f"it exited with code {scheduler.returncode}"
            break
        try:
            socket.create_connection((host, port), timeout=1.0).close()
        except OSError as error:
            reason = str(error.strerror or error)
            time.sleep(0.1)
        else:
            return
    raise UserError(
        f"scheduler {host}:{port}: cannot be reached ({reason}), waited {seconds} s; check that "
        f"rank 0's machine runs it and that {_HOST} and {_PORT} name it"
    )
