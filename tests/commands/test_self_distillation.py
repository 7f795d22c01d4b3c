"""Both phases of SMKD as a user runs them, on images whose validation classes are others."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from safetensors.numpy import load_file

OPTIONS = [
    "--smoke", "--tuning.modes", "[full]", "--batch_size", 4, "--max_steps", 2,
    "--schedule.cooldown_epochs", 0, "--self_distillation.projection.reset", "false",
]  # fmt: skip


@pytest.fixture
def photographs(write_photographs, tmp_path: Path) -> Path:
    write_photographs(tmp_path / "photos", {"train": 8})
    return write_photographs(tmp_path / "photos", {"val": 6}, ("lynx", "yak"))


def result_of(run: Path) -> dict:
    return json.loads((run / "result.json").read_text())


def test_both_phases_and_what_follows(command, photographs, tmp_path) -> None:
    first, second, tuned = (tmp_path / name for name in ("first", "second", "tuned"))
    given = [*OPTIONS, "--data.name", "few_shot_folder", "--data.root", photographs]
    outcome = command("train", "--method", "ibot", *given, "--out", first)
    assert outcome.code == 0, outcome.err
    found = result_of(first)
    assert found["selection"]["metric"] == "knn_top1"
    assert 0 <= found["metrics"]["knn_top1"] <= 100
    assert found["metrics"]["images"] == 12
    records = [json.loads(line) for line in (first / "log.jsonl").read_text().splitlines()]
    assert all({"cls", "mim"} <= r.keys() for r in records if r["kind"] == "step")

    outcome = command(
        "train", "--method", "smkd", *given, "--pretrained", first, "--out", second,
        "--self_distillation.images_a_class", 2,
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert outcome.out.count("loaded from best.safetensors, safetensors, student") == 1
    assert outcome.out.count("loaded from best.safetensors, safetensors, teacher") == 1
    weights = load_file(second / "checkpoints" / "best.safetensors")
    assert {name.split(".")[0] for name in weights} == {"student", "teacher"}

    tuning = ["--smoke", "--pretrained", second, "--out", tuned]
    outcome = command("train", *tuning)
    assert outcome.code == 1
    assert "choose one, --pretrained_key teacher" in outcome.err
    outcome = command("train", *tuning, "--pretrained_key", "teacher")
    assert outcome.code == 0, outcome.err
    tuned_weights = load_file(tuned / "checkpoints" / "best.safetensors")
    for name, value in weights.items():
        if name.startswith("teacher.backbone.blocks"):
            assert (tuned_weights[name.removeprefix("teacher.backbone.")] == value).all()

    for run in (first, second):
        outcome = command(
            "evaluate", "--pretrained", run, "--pretrained_key", "teacher", "--protocol", "knn",
            "--data.name", "digits",
        )  # fmt: skip
        assert outcome.code == 0, outcome.err
    assert "before tuning" in outcome.out  # the first phase's teacher


def test_images_of_one_class_keep_the_last_checkpoint(command, write_photographs, tmp_path) -> None:
    root = write_photographs(tmp_path / "photos", {"train": 8, "val": 2}, ("zebra",))
    run = tmp_path / "run"
    given = [*OPTIONS, "--data.name", "folder", "--data.root", root]
    outcome = command("train", "--method", "ibot", *given, "--out", run)
    assert outcome.code == 0, outcome.err
    found = result_of(run)
    assert found["selection"]["epoch"] == 2
    assert found["metrics"] == {"images": 2}
