"""A run that was stopped at any instant and resumed ends as if it had never been."""

from __future__ import annotations

import json
import random
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file

from mindtune.engine.checkpoint import Checkpoints
from mindtune.engine.step import TrainStep

TRAIN = Path(__file__).parents[2] / "train.py"
EVERYTHING = (  # all that holds state
    "--smoke --tuning.modes [full] --backbone.drop_path 0.3 --ema_decay 0.9 --accumulate 2 "
    "--augment.mixup 0.8 --augment.erasing 0.5 --optim.clip_norm 1 --log_every 1 "
    "--checkpoint_every 2 --max_steps 4"
)
IN_STEPS = (  # rounds of 3 updates, epochs of 4, checkpoints at the ends of neither
    "--smoke --tuning.modes [full] --backbone.drop_path 0.3 --ema_decay 0.9 --accumulate 2 "
    "--batch_size 128 --augment.mixup 0.8 --optim.name sgd --optim.lr 0.1 --log_every 1 "
    "--checkpoint_every 2 --epochs null --max_steps null --schedule.cooldown_epochs 0 "
    "--schedule.warmup_steps 2 --steps 10 --evaluation.every_steps 3"
)
TEACHING = (  # the same of a method with a teacher, schedules and prototypes that wait
    "--smoke --method smkd --tuning.modes [full] --backbone.drop_path 0.3 --log_every 1 "
    "--self_distillation.mim_weight 1 --optim.clip_each 3 --optim.weight_decay_end 0.4 "
    "--checkpoint_every 2 --max_steps 4"
)
CAPTIONED = (  # with a text for every image
    "--smoke --method contrastive --tuning.modes [full] --log_every 1 --checkpoint_every 2 "
    "--max_steps 4 --text.templates ['a.{}','the.{}']"
)
EVERYWHERE = (
    (TrainStep, "__call__", 2),  # before the first checkpoint
    (TrainStep, "__call__", 4),  # inside an epoch, past a checkpoint
    (Checkpoints, "save_best", 1),  # past the last update of an epoch, which is evaluated
    (Checkpoints, "save_last", 1),  # epoch recorded, not in a checkpoint
)
STOPS = {
    EVERYTHING: EVERYWHERE,
    IN_STEPS: EVERYWHERE,
    CAPTIONED: ((TrainStep, "__call__", 7),),
    TEACHING: ((TrainStep, "__call__", 7),),  # in the second epoch, past a checkpoint
}
KILLED = (
    "--smoke --tuning.modes [full] --backbone.drop_path 0.3 --ema_decay 0.9 --log_every 1 "
    "--checkpoint_every 2 --epochs 9 --max_steps 24"
)
PLAIN = "--smoke --optim.name sgd --optim.lr 0.1 --schedule.name authors_cosine --ema_decay null"
KILLS = 10
SEED = 20250101
TIMINGS = {"images_per_second"}


def rows(run: Path) -> list[dict[str, Any]]:
    """log.jsonl without timings; every line must be whole."""
    records = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [{k: v for k, v in record.items() if k not in TIMINGS} for record in records]


def assert_same_run(run: Path, expected: Path) -> None:
    for name in ("last", "best"):
        found, wanted = (
            load_file(folder / "checkpoints" / f"{name}.safetensors") for folder in (run, expected)
        )
        assert sorted(found) == sorted(wanted)
        for key, tensor in wanted.items():
            assert found[key].tobytes() == tensor.tobytes(), f"{name}: {key} differs"
    for key in ("selection", "metrics", "updates"):
        assert read_json(run / "result.json")[key] == read_json(expected / "result.json")[key]
    assert sorted(p.relative_to(run) for p in run.rglob("*")) == sorted(
        p.relative_to(expected) for p in expected.rglob("*")
    )
    assert rows(run) == rows(expected)


def read_json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text())


@contextmanager
def stopped_at(owner: type, method: str, number: int) -> Iterator[None]:
    """Ctrl-C at the n-th call of a method."""
    original = getattr(owner, method)
    calls = iter(range(1, number))

    def counted(*args: Any, **kwargs: Any) -> Any:
        if next(calls, None) is None:
            raise KeyboardInterrupt
        return original(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, method, counted)
        yield


@pytest.mark.parametrize("options", STOPS, ids=["epochs", "steps", "contrastive", "smkd"])
def test_interrupted_and_resumed_is_uninterrupted(options, command, tmp_path) -> None:
    whole, run = tmp_path / "whole", tmp_path / "run"
    assert command("train", *options.split(), "--out", whole).code == 0
    again = [*options.split(), "--out", run, "--resume", "auto"]
    for stop in STOPS[options]:
        with stopped_at(*stop):
            outcome = command("train", *again)
        assert (outcome.code, outcome.err) == (130, "interrupted\n"), stop
    assert command("train", *again).code == 0
    assert_same_run(run, whole)


def last_step(run: Path) -> int:
    """Updates that the log tells of; its last line may be half-written."""
    log = run / "log.jsonl"
    steps = re.findall(r'"kind": "step", "step": (\d+)', log.read_text()) if log.exists() else []
    return int(steps[-1]) if steps else 0


def kill_after(updates: int, argv: list[str], run: Path, delay: float) -> None:
    """Start training, let it make some updates more, and kill -9 it."""
    wanted = last_step(run) + updates
    with (run.parent / "stderr").open("w+") as stderr:
        process = subprocess.Popen(
            [sys.executable, str(TRAIN), *argv], stdout=subprocess.DEVNULL, stderr=stderr
        )
        try:
            while last_step(run) < wanted or not (run / "config.yaml").exists():
                assert process.poll() is None, (run.parent / "stderr").read_text()
                time.sleep(0.002)
            time.sleep(delay)
        finally:
            process.kill()
        assert process.wait() == -signal.SIGKILL, "training ended before it could be killed"


def test_killed_ten_times_at_random_it_ends_as_if_never_killed(command, capfd, tmp_path) -> None:
    chance = random.Random(SEED)
    options = KILLED.split()
    whole, run = tmp_path / "whole", tmp_path / "run"
    again = [*options, "--out", str(run), "--resume", "auto"]
    reached = []
    for kill in range(KILLS):
        updates = chance.randint(1, 16) if kill else 0  # the first comes before any checkpoint
        kill_after(updates, again, run, delay=chance.uniform(0, 0.03))
        reached.append(last_step(run))
    with capfd.disabled():
        print(f" seed {SEED}: killed after updates {reached}", end=" ")
    assert all(later > earlier for earlier, later in zip(reached, reached[1:]))

    outcome = command("train", *again)
    assert outcome.code == 0
    assert f"resumed {run}" in outcome.out
    assert command("train", *options, "--out", whole).code == 0
    assert_same_run(run, whole)


def test_remains_of_killed_writes_are_cleared_away(run_folder, command) -> None:
    remains = [
        ".config.yaml.12.tmp",
        "checkpoints/.last.safetensors.12.tmp",
        "checkpoints/.tmpAb12Cd",
    ]
    for name in remains:
        (run_folder / name).write_bytes(b"half")
    assert command("train", "--smoke", "--out", run_folder, "--resume", "auto").code == 0
    assert [name for name in remains if (run_folder / name).exists()] == []


@pytest.fixture
def halfway(command, tmp_path) -> Path:
    """A plain run stopped in its second epoch."""
    with stopped_at(TrainStep, "__call__", 5):
        assert command("train", *PLAIN.split(), "--out", tmp_path / "run").code == 130
    return tmp_path / "run"


def test_full_disk_is_said_and_the_older_checkpoint_stays(halfway, command, tmp_path) -> None:
    argv = ["train", *PLAIN.split(), "--out", halfway, "--resume", "auto"]
    last = halfway / "checkpoints" / "last.safetensors"
    before = last.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, hard))
    try:
        outcome = command(*argv)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert outcome.code == 1
    assert re.fullmatch(
        r"error: \S+/checkpoints/\w+\.safetensors: cannot be written \(.*File too large.*\); .*"
        r"that the disk has room, or choose another with --out\n",
        outcome.err,
    )
    assert last.read_bytes() == before
    assert list(halfway.rglob(".*")) == []

    assert command(*argv).code == 0
    assert command("train", *PLAIN.split(), "--out", tmp_path / "whole").code == 0
    assert_same_run(halfway, tmp_path / "whole")


def test_truncated_checkpoint_falls_back_to_the_one_before(run_folder, command) -> None:
    checkpoints = run_folder / "checkpoints"
    wanted = load_file(checkpoints / "last.safetensors")
    content = (checkpoints / "last.safetensors").read_bytes()
    (checkpoints / "last.safetensors").write_bytes(content[: len(content) // 2])

    outcome = command("train", "--smoke", "--out", run_folder, "--resume", "auto")
    assert (outcome.code, outcome.err) == (0, "")
    assert re.search(
        r"resuming from \S+previous\.safetensors: \S+last\.safetensors: truncated", outcome.out
    )
    found = load_file(checkpoints / "last.safetensors")
    assert {key: t.tobytes() for key, t in found.items()} == {
        key: t.tobytes() for key, t in wanted.items()
    }


def test_resume_of_a_run_continues_in_its_folder(halfway, command, tmp_path) -> None:
    assert command("train", *PLAIN.split(), "--resume", halfway).code == 0
    assert read_json(halfway / "result.json")["updates"] == 9
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run"]


def test_overwrite_replaces_the_run_and_nothing_else(run_folder, command) -> None:
    (run_folder / "notes.txt").write_text("mine")
    assert command("evaluate", "--pretrained", run_folder).code == 0
    argv = ["--smoke", "--out", run_folder, "--overwrite", "true", "--tensorboard", "true"]
    assert command("train", *argv, "--seed", 1).code == 0
    assert (run_folder / "notes.txt").read_text() == "mine"
    assert not (run_folder / "eval_test.json").exists()
    assert read_json(run_folder / "result.json")["config"]["seed"] == 1
    assert len(rows(run_folder)) == 9 + 3
    assert list((run_folder / "tensorboard").iterdir()) != []
