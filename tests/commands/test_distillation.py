"""Feature Distillation as a user types it: a teacher, a student that follows, its fine-tuning."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from mindtune.weights.readers import read_tensors

FOLLOW = ["--method", "feature_distillation", "--tuning.modes", "[full]"]
FOLLOW += ["--backbone.drop_path", "0.2"]
STUDENT = ["--backbone.name", "fd_vit_test_student"]


def tensors_of(run: Path, name: str) -> dict[str, np.ndarray]:
    return read_tensors(run / "checkpoints" / f"{name}.safetensors").tensors


@pytest.fixture
def teacher(trained) -> Path:
    return trained()


@pytest.fixture
def distilled(trained, teacher) -> Path:
    """A student after nine updates; the teacher's name comes from its run."""
    name = ["--teacher.name", "null", "--teacher.pretrained", str(teacher)]
    return trained(*FOLLOW, *STUDENT, *name)


def test_checkpoints_hold_the_student_alone(distilled, teacher) -> None:
    best, last = tensors_of(distilled, "best"), tensors_of(distilled, "last")
    assert best["projector.weight"].shape == (24, 24)
    assert "rel_pos_bias.relative_position_bias_table" in best
    assert not any("teacher" in name or "head" in name for name in (*best, *last))
    result = json.loads((distilled / "result.json").read_text())
    assert result["selection"]["metric"] == "distillation_loss"
    assert result["parameters"]["trainable"] == sum(t.size for t in best.values())
    rows = [json.loads(line) for line in (distilled / "log.jsonl").read_text().splitlines()]
    losses = [row["eval_distillation_loss"] for row in rows if row["kind"] == "epoch"]
    assert result["selection"]["distillation_loss"] == min(losses)
    assert result["metrics"]["images"] == 359


@pytest.mark.parametrize("modes", ["[lora]", "[psrp]", "[block_expansion,lora,psrp]"])
def test_a_tuned_run_teaches_as_it_is(modes, trained, command, tmp_path) -> None:
    tuned = trained("--tuning.modes", modes, "--head.name", "moment", "--optim.lr", "0.1")
    teacher = ["--teacher.name", "null", "--teacher.pretrained", tuned]
    options = [*FOLLOW, *teacher, "--max_steps", "1", "--epochs", "1"]
    outcome = command("train", "--smoke", "--out", tmp_path / "run", *options)
    assert outcome.code == 0, outcome.err
    held = sum(not name.startswith("head.") for name in tensors_of(tuned, "best"))
    assert f"teacher: weights: {held} of {held} parameters loaded" in outcome.out


def test_a_resumed_run_ends_with_the_same_bits(distilled, teacher, command, tmp_path) -> None:
    again = Path(shutil.copytree(distilled, tmp_path / "run"))
    checkpoints = again / "checkpoints"
    (checkpoints / "previous.safetensors").replace(checkpoints / "last.safetensors")
    options = [*FOLLOW, *STUDENT, "--teacher.name", "null", "--teacher.pretrained", teacher]
    outcome = command("train", "--smoke", "--out", again, *options, "--resume", "auto")
    assert outcome.code == 0, outcome.err
    expected = tensors_of(distilled, "last")
    for name, tensor in tensors_of(again, "last").items():
        np.testing.assert_array_equal(tensor, expected[name], err_msg=name)


def test_student_is_fine_tuned_and_evaluated(distilled, command, tmp_path) -> None:
    run = tmp_path / "tuned"
    options = ["--backbone.name", "fd_vit_test", "--tuning.modes", "[full]"]
    outcome = command("train", "--smoke", *options, "--pretrained", distilled, "--out", run)
    assert outcome.code == 0, outcome.err
    assert "projector." in outcome.out
    assert command("evaluate", "--pretrained", run).code == 0

    outcome = command("evaluate", "--pretrained", distilled)
    assert outcome.code == 1
    assert "has no classifier yet: tune it first" in outcome.err


def test_a_student_goes_on_from_a_student(distilled, teacher, command, tmp_path) -> None:
    options = [*FOLLOW, *STUDENT, "--teacher.pretrained", teacher, "--pretrained", distilled]
    outcome = command("train", "--smoke", "--out", tmp_path / "run", *options)
    assert outcome.code == 0, outcome.err
    loaded = re.findall(r"(teacher: )?weights: (\d+) of \2 parameters loaded", outcome.out)
    assert len(loaded) == 2


def test_teacher_of_other_images_and_without_class_token(command, tmp_path) -> None:
    """The 64 tokens of a Swin are compared with the 64 patches of a ViT on larger images."""
    options = (
        "--backbone.name vit_layer_scale_test --backbone.image_size 64 --teacher.name swin_test "
        "--teacher.image_size 64 --teacher.tokens patches --teacher.mean [0.4,0.4,0.4]"
    )
    outcome = command("train", "--smoke", "--out", tmp_path / "run", *FOLLOW, *options.split())
    assert outcome.code == 0, outcome.err
    assert tensors_of(tmp_path / "run", "best")["projector.weight"].shape == (32, 24)


def test_neighbours_choose_the_best_student(command, teacher, tmp_path) -> None:
    options = ["--distillation.select", "knn_top1", "--knn.k", "[5]"]
    options += ["--teacher.pretrained", teacher]
    outcome = command("train", "--smoke", "--out", tmp_path / "run", *FOLLOW, *options)
    assert outcome.code == 0, outcome.err
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    rows = (tmp_path / "run" / "log.jsonl").read_text().splitlines()
    found = [json.loads(row).get("eval_knn_top1", 0.0) for row in rows]
    assert result["selection"]["knn_top1"] == max(found) > 10
    assert set(result["metrics"]) == {"distillation_loss", "images", "knn_top1"}

    argv = ["--pretrained", tmp_path / "run", "--protocol", "knn"]
    assert command("evaluate", *argv).code == 0
    judged = json.loads((tmp_path / "run" / "eval_knn_digits_test.json").read_text())
    assert judged["metrics"]["top1"] == result["metrics"]["knn_top1"]
