"""How this process was started: alone, or as one rank of several by mpirun, srun or msrun."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from mindtune.errors import ConfigError

ALONE, MPIRUN, SRUN, MSRUN = "python", "mpirun", "srun", "msrun"
SCHEDULER_ROLE = "MS_SCHED"

_VARIABLES = (  # launcher, rank, size, rank on this machine, ranks on this machine
    (MPIRUN, "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE",
     "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_SIZE"),  # Open MPI
    (MPIRUN, "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID", "MPI_LOCALNRANKS"),  # MPICH, Intel MPI
    (SRUN, "SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID", ""),
)  # fmt: skip
_LAST_REAL_SLURM_STEP = 4294967289  # above are the batch script's and the interactive shell's


@dataclass(frozen=True)
class Launch:
    """One process among those started together.

    Attributes:
        launcher: python (alone), mpirun, srun or msrun.
        rank: 0 to size - 1; -1 where MindSpore will number the ranks.
        size: processes in all.
        local_rank: number among those of this machine.
        local_size: processes on this machine; size where the launcher does not say.
    """

    launcher: str = ALONE
    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1

    @property
    def on_one_machine(self) -> bool:
        """Whether every process is known to run here."""
        return self.local_size == self.size


def detect_launch(environment: Mapping[str, str] = os.environ) -> Launch:
    """Read the launcher's variables.

    ``MS_ROLE`` (msrun) goes first; mpirun inside a Slurm job counts as mpirun, and the batch script
    of a Slurm job as plain Python.

    Raises:
        ConfigError: a variable that is no number, or is missing beside the others.
    """
    if environment.get("MS_ROLE"):
        size = _number(environment, "MS_WORKER_NUM", None)
        rank = _number(environment, "RANK_ID", -1)
        local = _number(environment, "DEVICE_ID", max(rank, 0))
        return Launch(MSRUN, rank, size, local, size)
    for launcher, rank_name, size_name, local_rank_name, local_size_name in _VARIABLES:
        if size_name not in environment or (launcher == SRUN and not _in_slurm_step(environment)):
            continue
        size = _number(environment, size_name, None)
        rank = _number(environment, rank_name, None)
        local_rank = _number(environment, local_rank_name, rank)
        local_size = _number(environment, local_size_name, size)
        if size > 1:
            return Launch(launcher, rank, size, local_rank, local_size)
    return Launch()


def is_scheduler() -> bool:
    """Whether msrun started this process to introduce the ranks to each other, not to train."""
    return os.environ.get("MS_ROLE") == SCHEDULER_ROLE


def _in_slurm_step(environment: Mapping[str, str]) -> bool:
    step = environment.get("SLURM_STEP_ID", "")
    return step.isdigit() and int(step) <= _LAST_REAL_SLURM_STEP


def _number(environment: Mapping[str, str], name: str, default: int | None) -> int:
    text = environment.get(name, "")
    if text.isdigit():
        return int(text)
    if text or default is None:
        raise ConfigError(
            f"environment variable {name}: got {text or 'nothing'}, expected a whole number from "
            "the launcher; start with mpirun, srun or msrun, or with plain python"
        )
    return default
