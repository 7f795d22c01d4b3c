"""Whatever befalls one rank ends all of them soon, says why once, and leaves a whole checkpoint."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from launched_jobs import ROOT, TRAIN, Job, Starter
from mindtune import cli, commands
from mindtune.engine.checkpoint import newest_state, read_state

ENDLESS = "--smoke --max_steps null --epochs 5000 --log_every 1 --checkpoint_every 5 --batch_size 8"
BOUND = 120.0  # seconds from a fault to the end of every process; 60 on an idle machine
PYTHON = sys.executable
SCRIPT = ROOT / "scripts" / "run_distributed_cpu.sh"


def assert_it_fails(job: Job, since: float | None = None) -> None:
    """A fault ends the job, in time after the moment ``since`` where there is one."""
    assert job.wait() != 0, job.said()
    assert since is None or time.monotonic() - since < BOUND


def last_step(run: Path) -> int:
    """Updates behind the newest checkpoint, which is whole, as are those beside it."""
    folder = run / "checkpoints"
    for file in folder.glob("[!.]*"):
        assert load_file(file)
    state, faults = newest_state(folder)
    assert state is not None
    assert faults == []
    return read_state(state)[1]["position"]["step"]


@pytest.mark.parametrize("rank", [0, 1])
def test_a_killed_rank_ends_all(rank: int, start: Starter) -> None:
    run = start.folder / "run"
    job = start.mpirun(TRAIN, *ENDLESS.split(), "--out", run)
    job.await_line("step 21 ")  # the checkpoint of update 20 comes before it
    os.kill(job.worker(rank), signal.SIGKILL)
    assert_it_fails(job, time.monotonic())
    assert last_step(run) >= 20
    assert len(job.complaints()) <= 1, job.complaints()
    said = " ".join(job.err.read_text().split())
    assert re.search("ended without a word, probably killed|exited with non-zero status", said)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGUSR1])
def test_a_signal_to_mpirun_is_answered_by_a_checkpoint(number: int, start: Starter) -> None:
    run = start.folder / "run"
    argv = [*ENDLESS.split(), "--checkpoint_every", 0, "--epochs", 5000, "--max_steps", 10000]
    job = start.mpirun(TRAIN, *argv, "--out", run)
    job.await_line("step 12 ")
    assert not (run / "checkpoints" / "last.safetensors").exists()
    sent = time.monotonic()
    job.process.send_signal(number)
    assert_it_fails(job, sent)
    assert last_step(run) >= 12
    assert len(job.complaints()) <= 1


def test_ranks_started_differently_are_refused(start: Starter) -> None:
    argv = [PYTHON, TRAIN, *ENDLESS.split(), "--out", start.folder / "run", "--optim.lr"]
    job = start.run("mpirun", "-n", 1, *argv, "1e-3", ":", "-n", 1, *argv, "2e-3")
    assert_it_fails(job)
    assert len(job.complaints()) == 1
    assert job.complaints()[0].endswith(
        "error: configuration: optim.lr is 0.001 on rank 0 and 0.002 on rank 1, expected the same; "
        "start all ranks with the same options"
    )
    assert not (start.folder / "run").exists()


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Forty small images of two classes, which two ranks at 8 images each see in two updates."""
    rng = np.random.default_rng(0)
    for split in ("train", "val"):
        for name in ("cat", "dog"):
            folder = tmp_path / "photos" / split / name
            folder.mkdir(parents=True)
            for number in range(20):
                pixels = rng.integers(0, 256, (16, 16, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{number:02}.png")
    return tmp_path / "photos"


def test_ranks_with_other_images_are_refused(photos: Path, start: Starter) -> None:
    other = start.folder / "other"
    photos.rename(other)
    shutil.copytree(other, photos)
    (photos / "train" / "dog" / "19.png").unlink()
    argv = [PYTHON, TRAIN, *ENDLESS.split(), "--data.name", "folder", "--out", start.folder / "run"]
    places = [[*argv, "--data.root", root] for root in (photos, other)]
    job = start.run("mpirun", "-n", 1, *places[0], ":", "-n", 1, *places[1])
    assert_it_fails(job)
    assert len(job.complaints()) == 1
    assert "data: images of train is 39 on rank 0 and 40 on rank 1" in job.complaints()[0]


def test_a_rank_that_raises_ends_all_with_its_message(photos: Path, start: Starter) -> None:
    run, broken = start.folder / "run", photos / "train" / "dog" / "07.png"
    broken.write_bytes(broken.read_bytes()[:60])
    argv = [*ENDLESS.split(), "--data.name", "folder", "--data.root", photos]
    job = start.mpirun(TRAIN, *argv, "--out", run)
    assert_it_fails(job)
    assert len(job.complaints()) == 1
    assert re.search(rf"error: image {broken}: cannot be decoded", job.complaints()[0])


RAISING = """
from mindtune.engine.distributed.prepare import prepare_rank; prepare_rank()
from mindtune.engine.distributed.world import init
world = init("CPU", 0, 20)
world.barrier()
if world.rank == 1: raise RuntimeError("out of luck")
world.barrier()
"""


def test_an_exception_that_nobody_expects_ends_all_with_its_traceback(start: Starter) -> None:
    job = start.mpirun("-c", RAISING)
    assert_it_fails(job)
    assert job.complaints() == ["rank 1: Traceback (most recent call last):"]
    assert "RuntimeError: out of luck" in job.err.read_text()


def test_a_full_disk_ends_all_and_the_older_checkpoint_stays(start: Starter) -> None:
    run, options = start.folder / "run", "--smoke --tuning.modes [full]"
    last = run / "checkpoints" / "last.safetensors"
    assert cli.run(commands.train, [*options.split(), "--out", str(run)]) == 0
    (run / "checkpoints" / "previous.safetensors").replace(last)
    before = last.read_bytes()
    limited = f"ulimit -f {len(before) // 2048}; exec {PYTHON} {TRAIN} {options} "
    job = start.run("mpirun", "-n", 2, "bash", "-c", limited + f"--out {run} --resume auto")
    assert_it_fails(job)
    assert len(job.complaints()) == 1
    assert re.search(r"\.safetensors: cannot be written \(.*too large", job.complaints()[0])
    assert last.read_bytes() == before
    assert list(run.rglob(".*")) == []


def test_a_missing_scheduler_is_said(start: Starter) -> None:
    port = start.free_port()
    job = start.run(
        PYTHON, TRAIN, *ENDLESS.split(), "--distributed.timeout", 2,
        MS_ROLE="MS_WORKER", MS_WORKER_NUM="2", MS_SCHED_HOST="127.0.0.1", MS_SCHED_PORT=str(port),
        RANK_ID="0",
    )  # fmt: skip
    assert_it_fails(job)
    (complaint,) = job.complaints()
    assert f"error: scheduler 127.0.0.1:{port}: cannot be reached (Connection refused)" in complaint


def test_a_port_that_is_taken_is_said(start: Starter) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        job = start.mpirun(TRAIN, *ENDLESS.split(), MS_SCHED_HOST="127.0.0.1", MS_SCHED_PORT=port)
        assert_it_fails(job)
    (complaint,) = job.complaints()
    assert f"error: MS_SCHED_PORT: got {port} on 127.0.0.1, which is taken" in complaint


def test_a_rank_that_never_comes_is_said(start: Starter) -> None:
    argv = [PYTHON, TRAIN, *ENDLESS.split(), "--distributed.timeout", 8]
    where = {"MS_SCHED_HOST": "127.0.0.1", "MS_SCHED_PORT": str(start.free_port())}
    job = start.run("mpirun", "-n", 1, *argv, ":", "-n", 1, "sleep", 50, **where)
    assert_it_fails(job)
    (complaint,) = job.complaints()
    assert "error: ranks: did not find each other within 8 s" in complaint


def test_msrun_ends_with_a_killed_rank(start: Starter) -> None:
    run = start.folder / "run"
    job = start.run(
        "msrun", "--worker_num=2", "--local_worker_num=2", "--join=True", "--log_dir=logs",
        f"--master_port={start.free_port()}", TRAIN, *ENDLESS.split(), "--out", run,
    )  # fmt: skip
    while not (run / "checkpoints" / "previous.safetensors").exists():
        assert job.process.poll() is None, job.said()
        time.sleep(0.05)
    os.kill(job.worker(1, "RANK_ID"), signal.SIGKILL)
    assert_it_fails(job, time.monotonic())
    assert last_step(run) >= 5


def test_a_failed_run_is_started_again_from_its_last_checkpoint(start: Starter) -> None:
    run = start.folder / "run"
    argv = [*ENDLESS.split(), "--epochs", 3, "--max_steps", 15, "--out", run]
    job = start.run("bash", SCRIPT, 2, *argv, "--restart_on_failure", 2, PYTHON=PYTHON)
    job.await_line("step 21 ")  # the checkpoint of update 20 comes before it
    os.kill(job.worker(1), signal.SIGKILL)
    assert job.wait() == 0, job.err.read_text()
    assert "exit code 137, 2 restart(s) left" in job.said()
    assert re.search(r"resumed .*last\.safetensors after \d+ updates", job.said())
    assert json.loads((run / "result.json").read_text())["updates"] == 60


def test_what_cannot_be_restarted_is_not(start: Starter) -> None:
    job = start.run(
        PYTHON, TRAIN, "--smoke", "--restart_on_failure", 3, "--schedule.warmup_epochs", 9
    )
    assert job.wait() == 2
    assert len(job.complaints()) == 2
    job = start.mpirun(TRAIN, "--smoke", "--restart_on_failure", 3)
    assert job.wait() == 2
    assert len(job.complaints()) == 1
    assert "start the training alone and name them: --launcher" in job.complaints()[0]
