"""train.py and eval.py through mpirun and msrun give the run that one process gives."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from launched_jobs import EVAL, TRAIN, Job, Starter
from mindtune import cli, commands
from mindtune.engine.checkpoint import read_state_header
from tiny_clip import OPENAI_VIT, write_tokenizer

OPTIONS = (
    "--smoke --tuning.modes [full] --backbone.drop_path 0.3 --optim.eps 1e-6 --optim.clip_norm 1 "
    "--optim.lr_base_size 32 --evaluation.batch_size 50"
)
LONG = (
    "--smoke --max_steps null --epochs 6 --schedule.cooldown_epochs 0 --log_every 1 "
    "--evaluation.every 10 --batch_size 8"
)
TIMINGS = {"images_per_second"}


def read_json(path: Path) -> Any:
    return json.loads(path.read_text())


def records(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def on_two(start_once: Starter) -> tuple[Path, Job]:
    """A run of two ranks with half of the batch each."""
    run = start_once.folder / "two"
    job = start_once.mpirun(TRAIN, *OPTIONS.split(), "--batch_size", 8, "--out", run)
    assert job.wait() == 0, job.err.read_text()
    return run, job


@pytest.fixture(scope="module")
def on_one(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run in this process."""
    run = tmp_path_factory.mktemp("one") / "run"
    assert cli.run(commands.train, [*OPTIONS.split(), "--batch_size", "16", "--out", str(run)]) == 0
    return run


def test_two_ranks_train_what_one_trains(on_two: tuple[Path, Job], on_one: Path) -> None:
    run, job = on_two
    for name in ("last", "best"):
        found, wanted = (
            load_file(r / "checkpoints" / f"{name}.safetensors") for r in (run, on_one)
        )
        assert sorted(found) == sorted(wanted)
        for key, value in wanted.items():
            scale = np.max(np.abs(value), initial=1e-30)
            np.testing.assert_allclose(found[key] / scale, value / scale, atol=1e-5, err_msg=key)
    assert job.err.read_text() == ""


def test_rank_0_alone_writes_and_its_numbers_are_global(
    on_two: tuple[Path, Job], on_one: Path
) -> None:
    run, job = on_two
    assert sorted(p.name for p in run.iterdir()) == sorted(p.name for p in on_one.iterdir())
    rows, wanted = records(run), records(on_one)
    assert [row.keys() for row in rows] == [row.keys() for row in wanted]
    for row, other in zip(rows, wanted):
        assert row["kind"] == other["kind"]
        for key in row.keys() - TIMINGS - {"kind"}:
            assert row[key] == pytest.approx(other[key], rel=1e-4), key
    result, other = read_json(run / "result.json"), read_json(on_one / "result.json")
    assert (result["ranks"], other["ranks"]) == (2, 1)
    assert result["metrics"] == pytest.approx(other["metrics"], rel=1e-5)
    assert job.said().count("best checkpoint on test") == 1
    assert (
        "2 rank(s) x batch 8 x accumulate 1: 16 images an update, peak learning rate 0.0005 "
        "(scaled by 0.5)"
    ) in job.said()


def test_eval_on_two_ranks_is_exact(
    on_two: tuple[Path, Job], start: Starter, tmp_path: Path
) -> None:
    argv = ["--pretrained", str(on_two[0]), "--evaluation.batch_size", "50", "--out"]
    job = start.mpirun(EVAL, *argv, tmp_path / "two")
    assert cli.run(commands.evaluate, [*argv, str(tmp_path / "one")]) == 0
    assert job.wait() == 0, job.err.read_text()
    two, one = (read_json(tmp_path / name / "eval_test.json") for name in ("two", "one"))
    assert two["metrics"]["images"] == 359
    assert two["metrics"] == pytest.approx(one["metrics"], rel=1e-6)
    tables = [(tmp_path / n / "eval_test_per_class.csv").read_text() for n in ("two", "one")]
    assert tables[0] == tables[1]
    assert job.said().count("written to") == 1


def test_zero_shot_on_two_ranks_is_exact(start: Starter, tmp_path: Path) -> None:
    argv = ["--protocol", "zero_shot", "--pretrained", str(OPENAI_VIT), "--data.name", "digits"]
    argv += ["--backbone.name", "vit_clip_test", "--text.tokenizer"]
    argv += [str(write_tokenizer(tmp_path)), "--split", "test", "--out"]
    job = start.mpirun(EVAL, *argv, tmp_path / "two")
    assert cli.run(commands.evaluate, [*argv, str(tmp_path / "one")]) == 0
    assert job.wait() == 0, job.err.read_text()
    two, one = (read_json(tmp_path / n / "eval_zero_shot_test.json") for n in ("two", "one"))
    assert (two["ranks"], two["metrics"]["images"]) == (2, 359)
    assert two["metrics"] == pytest.approx(one["metrics"], rel=1e-6)


def test_two_ranks_find_the_same_few_shot_accuracies(
    on_two: tuple[Path, Job], start: Starter, tmp_path: Path
) -> None:
    argv = ["--pretrained", str(on_two[0]), "--protocol", "few_shot", "--few_shot.episodes", "1100"]
    job = start.mpirun(EVAL, *argv, "--out", tmp_path / "two")
    assert cli.run(commands.evaluate, [*argv, "--out", str(tmp_path / "one")]) == 0
    assert job.wait() == 0, job.err.read_text()
    file = "eval_few_shot_digits_test.json"
    two, one = (read_json(tmp_path / name / file) for name in ("two", "one"))
    assert two["metrics"] == pytest.approx(one["metrics"], rel=1e-6)
    assert job.said().count("written to") == 1


def test_msrun_trains_the_same_bits(on_two: tuple[Path, Job], start: Starter) -> None:
    run = start.folder / "run"
    job = start.run(
        "msrun", "--worker_num=2", "--local_worker_num=2", "--join=True", "--log_dir=logs",
        f"--master_port={start.free_port()}", TRAIN, *OPTIONS.split(), "--batch_size", 8,
        "--out", run, OMP_NUM_THREADS="1",
    )  # fmt: skip
    assert job.wait() == 0, job.said() + job.err.read_text()
    for name in ("last", "best"):
        found, wanted = (
            load_file(r / "checkpoints" / f"{name}.safetensors") for r in (run, on_two[0])
        )
        assert {k: v.tobytes() for k, v in found.items()} == {
            k: v.tobytes() for k, v in wanted.items()
        }


def stop_after(job: Job, line: str, number: int) -> None:
    job.await_line(line)
    job.process.send_signal(number)
    assert job.wait() != 0


def updates_between(first: dict[str, Any], second: dict[str, Any], total: int, batch: int) -> int:
    """Updates of ``batch`` images from one position to another when no image is left out."""
    if first["epoch"] == second["epoch"]:
        return (second["images_in_epoch"] - first["images_in_epoch"]) // batch
    whole = second["epoch"] - first["epoch"] - 1
    rest = (total - first["images_in_epoch"]) // batch
    return rest + whole * (total // batch) + second["images_in_epoch"] // batch


def test_a_run_that_is_stopped_goes_on_with_other_ranks(start: Starter) -> None:
    run = start.folder / "run"
    argv = [TRAIN, *LONG.split(), "--out", run, "--resume", "auto"]

    def header() -> dict[str, Any]:
        return read_state_header(run / "checkpoints" / "last.safetensors")

    stop_after(start.mpirun(*argv), "step 5 ", signal.SIGTERM)
    first, total = header()["position"], header()["train_images"]
    assert first["step"] >= 5

    alone = start.run(sys.executable, *argv)
    stop_after(alone, f"step {first['step'] + 5} ", signal.SIGTERM)
    assert alone.process.returncode == 128 + signal.SIGTERM
    second = header()["position"]
    assert alone.complaints() == [
        f"error: SIGTERM: stopped after update {second['step']}, checkpoint written to "
        f"{run}/checkpoints; continue with --resume auto"
    ]
    goes_on = f"epoch {first['epoch'] + 1} goes on with its image {first['images_in_epoch'] + 1}"
    assert f"now on 1 rank(s), before on 2: {goes_on}" in alone.said()

    last = start.mpirun(*argv)
    assert last.wait() == 0, last.err.read_text()
    assert "now on 2 rank(s), before on 1: epoch" in last.said()
    changes = [row for row in records(run) if row["kind"] == "resume"]
    assert [(row["ranks_before"], row["ranks"]) for row in changes] == [(2, 1), (1, 2)]
    assert [row["epoch"] for row in records(run) if row["kind"] == "epoch"] == [1, 2, 3, 4, 5, 6]
    end = {"epoch": 6, "images_in_epoch": 0}
    start_of_run = {"epoch": 0, "images_in_epoch": 0}
    assert first["step"] == updates_between(start_of_run, first, total, 16)
    assert second["step"] - first["step"] == updates_between(first, second, total, 8)
    updates = read_json(run / "result.json")["updates"]
    assert updates - second["step"] == updates_between(second, end, total, 16)
