from __future__ import annotations

import csv

import pytest
from rich.console import Console

from mindtune.engine.log import RunLog, check_tensorboard, console_of
from mindtune.errors import CheckpointError, UserError


def epoch(step: int, **more) -> dict:
    return {"kind": "epoch", "step": step, "epoch": step // 2, **more}


@pytest.fixture
def log(tmp_path) -> RunLog:
    return RunLog(tmp_path, Console(quiet=True))


def rows(log: RunLog) -> list[dict[str, str]]:
    with log.table.open() as stream:
        return list(csv.DictReader(stream))


def test_records_come_back_and_epochs_make_the_table(log):
    log.write({"kind": "step", "step": 1, "loss": 0.5})
    log.write(epoch(2, train_loss=0.4))
    log.write(epoch(4, train_loss=0.3, eval_top1=50.0))
    assert [r["step"] for r in log.records()] == [1, 2, 4]
    assert [(r["step"], r["train_loss"], r["eval_top1"]) for r in rows(log)] == [
        ("2", "0.4", ""),
        ("4", "0.3", "50.0"),
    ]


def test_a_resumed_run_forgets_what_it_will_write_again(log):
    for step in (2, 4, 6):
        log.write(epoch(step))
    with log.path.open("a") as stream:
        stream.write('{"kind": "step", "st')  # killed while writing
    log.forget_after(4, round_is_closed=True)
    assert [r["step"] for r in log.records()] == [2, 4]
    assert [r["step"] for r in rows(log)] == ["2", "4"]
    log.write(epoch(6))
    assert [r["step"] for r in log.records()] == [2, 4, 6]


def test_a_broken_line_in_the_middle_is_an_error(log):
    log.path.write_text('{"kind": "epoch", "step": 1}\nnonsense\n{"kind": "epoch", "step": 2}\n')
    with pytest.raises(CheckpointError, match=r"log\.jsonl: line 2 is no JSON"):
        log.records()


def test_tensorboard_events_are_written(tmp_path):
    log = RunLog(tmp_path, Console(quiet=True), tensorboard=True)
    log.write(epoch(2, train_loss=0.4))
    assert list((tmp_path / "tensorboard").glob("events*"))


def test_a_missing_tensorboardx_is_said(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    check_tensorboard(False)
    with pytest.raises(UserError, match=r"pip install 'mindtune\[tensorboard\]'"):
        check_tensorboard(True)


def test_a_round_that_ends_at_the_checkpointed_step_is_forgotten_while_it_is_open(log):
    log.write(epoch(2))
    log.write({"kind": "step", "step": 4, "loss": 0.5})
    log.write(epoch(4))
    log.forget_after(4, round_is_closed=False)
    assert [(r["kind"], r["step"]) for r in log.records()] == [("epoch", 2), ("step", 4)]


def test_a_log_that_cannot_be_written_is_said(log):
    log.path.mkdir()
    with pytest.raises(CheckpointError, match=r"log\.jsonl: cannot be written"):
        log.write({"kind": "step", "step": 1})


def test_brackets_of_a_line_are_kept(capsys):
    console_of(0, 1).print("pip install 'mindtune[report]'")
    assert capsys.readouterr().out == "pip install 'mindtune[report]'\n"
