"""Method contrastive through the commands: train, zero-shot, other protocols."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from mindtune import cli, commands

OPTIONS = (
    "--method", "contrastive", "--tuning.modes", "[full]", "--backbone.name", "vit_clip_test",
    "--data.name", "digits", "--data.workers", 1, "--text.templates",
    '["a {}.", "the {}."]', "--optim.lr", 1e-3, "--batch_size", 64, "--augment.hflip", 0,
    "--augment.scale", "[0.8, 1.0]", "--max_steps", 15, "--log_every", 5,
)  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A tiny CLIP that has learnt the digits for a little while."""
    folder = tmp_path_factory.mktemp("contrastive") / "run"
    argv = [*OPTIONS, "--epochs", 4, "--evaluation.every", 4, "--out", folder]
    assert cli.run(commands.train, [str(word) for word in argv]) == 0
    return folder


def test_the_loss_falls_and_zero_shot_beats_chance(run):
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    losses = [line["loss"] for line in lines if line.get("kind") == "step"]
    assert np.mean(losses[-3:]) < np.mean(losses[:2]) - 0.2
    result = json.loads((run / "result.json").read_text())
    assert result["selection"]["metric"] == "top1"
    assert result["metrics"]["top1"] > 25  # of ten classes


def test_zero_shot_of_the_run_is_what_training_found(run, command, tmp_path):
    argv = ("--protocol", "zero_shot", "--pretrained", run, "--data.name", "digits")
    found = command("evaluate", *argv, "--text.templates", '["a {}.", "the {}."]',
                    "--out", tmp_path / "out")  # fmt: skip
    assert (found.code, found.err) == (0, "")
    metrics = json.loads((tmp_path / "out" / "eval_zero_shot_test.json").read_text())["metrics"]
    trained = json.loads((run / "result.json").read_text())["metrics"]
    assert metrics["top1"] == trained["top1"]
    assert metrics["loss"] == pytest.approx(trained["loss"], rel=1e-5)


def test_the_image_tower_of_the_run_is_a_backbone(run, command, tmp_path):
    argv = ("--protocol", "knn", "--pretrained", run, "--data.name", "digits", "--knn.k", "[5]")
    found = command("evaluate", *argv, "--out", tmp_path / "out")
    assert (found.code, found.err) == (0, "")
    (file,) = (tmp_path / "out").glob("eval_knn_*.json")
    assert json.loads(file.read_text())["metrics"]["top1"] > 50
