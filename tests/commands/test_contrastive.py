"""Method contrastive through the commands: train, zero-shot, other protocols."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from clip_run import write_images
from mindtune import cli, commands

TEMPLATES = '["a {}.", "the {}."]'


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A tiny CLIP that has learnt three colours by the names of their classes."""
    folder = tmp_path_factory.mktemp("contrastive")
    images = write_images(folder / "images", {"train": 16, "test": 4})
    argv = (
        "--method", "contrastive", "--tuning.modes", "[full]", "--backbone.name", "vit_clip_test",
        "--data.name", "folder", "--data.root", images, "--data.workers", 1, "--text.templates",
        TEMPLATES, "--optim.lr", 1e-3, "--batch_size", 12, "--epochs", 6, "--evaluation.every", 6,
        "--augment.scale", "[0.8, 1.0]", "--log_every", 1, "--out", folder / "run",
    )  # fmt: skip
    assert cli.run(commands.train, [str(word) for word in argv]) == 0
    return folder / "run"


def test_the_loss_falls_and_zero_shot_beats_chance(run):
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    losses = [line["loss"] for line in lines if line.get("kind") == "step"]
    assert np.mean(losses[-3:]) < np.mean(losses[:2]) - 0.3
    result = json.loads((run / "result.json").read_text())
    assert result["selection"]["metric"] == "top1"
    assert result["metrics"]["top1"] > 70  # of three classes
    assert (run / "checkpoints" / "tokenizer.json").is_file()


def test_zero_shot_of_the_run_is_what_training_found(run, command, tmp_path):
    argv = ("--protocol", "zero_shot", "--pretrained", run, "--out", tmp_path / "out")
    found = command("evaluate", *argv)
    assert (found.code, found.err) == (0, "")
    metrics = json.loads((tmp_path / "out" / "eval_zero_shot_test.json").read_text())["metrics"]
    trained = json.loads((run / "result.json").read_text())["metrics"]
    assert metrics["top1"] == trained["top1"]
    assert metrics["loss"] == pytest.approx(trained["loss"], rel=1e-5)


def test_the_image_tower_of_the_run_is_a_backbone(run, command, tmp_path):
    argv = ("--protocol", "knn", "--pretrained", run, "--knn.k", "[5]")
    found = command("evaluate", *argv, "--out", tmp_path / "out")
    assert (found.code, found.err) == (0, "")
    (file,) = (tmp_path / "out").glob("eval_knn_*.json")
    assert json.loads(file.read_text())["metrics"]["top1"] > 70
