from __future__ import annotations

import re
from pathlib import Path

import pytest

import mindtune
from mindtune.engine.distributed.launch import Launch, detect_launch
from mindtune.engine.distributed.threads import threads_for
from mindtune.errors import ConfigError

PACKAGE = Path(mindtune.__file__).parent
OPEN_MPI = {
    "OMPI_COMM_WORLD_RANK": "5",
    "OMPI_COMM_WORLD_SIZE": "8",
    "OMPI_COMM_WORLD_LOCAL_RANK": "1",
    "OMPI_COMM_WORLD_LOCAL_SIZE": "4",
}
MPICH = {"PMI_RANK": "3", "PMI_SIZE": "4", "MPI_LOCALRANKID": "1", "MPI_LOCALNRANKS": "2"}
SLURM = {"SLURM_PROCID": "6", "SLURM_STEP_NUM_TASKS": "8", "SLURM_LOCALID": "2"}
STEP = {"SLURM_STEP_ID": "0"}
MSRUN = {"MS_ROLE": "MS_WORKER", "MS_WORKER_NUM": "8", "RANK_ID": "7", "DEVICE_ID": "3"}


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, Launch("python", 0, 1, 0, 1)),
        (OPEN_MPI, Launch("mpirun", 5, 8, 1, 4)),
        (MPICH, Launch("mpirun", 3, 4, 1, 2)),
        ({**SLURM, **STEP}, Launch("srun", 6, 8, 2, 8)),
        ({**SLURM, **STEP, **OPEN_MPI}, Launch("mpirun", 5, 8, 1, 4)),
        (SLURM, Launch()),  # the batch script itself
        ({**SLURM, "SLURM_STEP_ID": "4294967290"}, Launch()),  # the interactive shell
        (MSRUN, Launch("msrun", 7, 8, 3, 8)),
        ({**MSRUN, **OPEN_MPI}, Launch("msrun", 7, 8, 3, 8)),
        ({"MS_ROLE": "MS_WORKER", "MS_WORKER_NUM": "2"}, Launch("msrun", -1, 2, 0, 2)),
        ({"OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "1"}, Launch()),
    ],
)
def test_every_launcher_is_recognised(environment, expected):
    assert detect_launch(environment) == expected


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({**OPEN_MPI, "OMPI_COMM_WORLD_RANK": "one"}, "OMPI_COMM_WORLD_RANK: got one, expected"),
        ({"PMI_SIZE": "4"}, "PMI_RANK: got nothing, expected a whole number"),
        ({"MS_ROLE": "MS_WORKER"}, "MS_WORKER_NUM: got nothing"),
    ],
)
def test_half_an_environment_is_refused(environment, message):
    with pytest.raises(ConfigError, match=message):
        detect_launch(environment)


@pytest.mark.parametrize(
    ("usable", "cores", "ranks", "threads"),
    [
        (1, 64, 2, 1),  # bound to one core each
        (64, 64, 8, 8),  # not bound
        (32, 64, 8, 8),  # bound to a socket, four together
        (2, 2, 4, 1),  # more ranks than cores
    ],
)
def test_ranks_share_the_cores(usable, cores, ranks, threads):
    assert threads_for(Launch("mpirun", 0, ranks, 0, ranks), usable, cores) == threads


def test_only_one_folder_and_the_doctor_know_of_mpi():
    for path in PACKAGE.rglob("*.py"):
        if path.parent.name not in ("distributed", "doctor"):
            assert not re.search(r"\bmpi|mpirun|\bsrun|msrun", path.read_text(), re.I), path
