"""What a weight file says of itself reaches whoever uses it next."""

from __future__ import annotations

import json

import pytest

from mindtune.pretrained import read_pretrained

MEAN = "[0.4, 0.3, 0.2]"


@pytest.fixture
def other_mean(trained):
    """A run whose images are normalised with another mean than the backbone's registered one."""
    return trained("--preprocessing.mean", MEAN, "--preprocessing.resize", "square")


def prepared(run) -> dict:
    return read_pretrained(str(run)).preprocessing


def test_evaluation_prepares_images_as_training_did(other_mean, command, tmp_path):
    outcome = command("evaluate", "--pretrained", other_mean, "--out", tmp_path / "eval")
    assert outcome.code == 0
    assert "mean=(0.4, 0.3, 0.2)" in outcome.out
    assert "resize='square'" in outcome.out
    best = other_mean / "checkpoints" / "best.safetensors"
    found = json.loads((tmp_path / "eval" / "eval_test.json").read_text())["metrics"]
    assert found == json.loads((other_mean / "result.json").read_text())["metrics"]
    argv = ["--pretrained", best, "--out", tmp_path / "again", "--preprocessing.mean", "[0, 0, 0]"]
    assert "mean=(0.0, 0.0, 0.0)" in command("evaluate", *argv).out


def test_the_next_training_inherits_it_unless_told_otherwise(other_mean, command, tmp_path):
    for name, options, mean in (
        ("inherits", [], [0.4, 0.3, 0.2]),
        ("told", ["--preprocessing.mean", "[0.1, 0.1, 0.1]"], [0.1, 0.1, 0.1]),
    ):
        argv = ["--smoke", "--out", tmp_path / name, "--pretrained", other_mean, *options]
        assert command("train", *argv).code == 0
        assert prepared(tmp_path / name)["mean"] == mean
        assert prepared(tmp_path / name)["resize"] == "square"


def test_export_describes_it(other_mean, command, tmp_path):
    file = tmp_path / "m.mindir"
    assert command("export", "--pretrained", other_mean, "--file", file).code == 0
    described = json.loads((tmp_path / "m.mindir.json").read_text())["preprocessing"]
    assert described["mean"] == [0.4, 0.3, 0.2]
    assert described["resize"] == "square"


def test_averaged_weights_of_a_training_state_on_request(trained, command, tmp_path):
    run = trained()
    last = run / "checkpoints" / "last.safetensors"
    losses = {}
    for name, weights, options in (
        ("best", run, []),
        ("raw", last, []),
        ("ema", last, ["--pretrained_key", "ema"]),
    ):
        argv = ["--pretrained", weights, "--out", tmp_path / name, "--split", "val", *options]
        assert command("evaluate", *argv).code == 0
        metrics = json.loads((tmp_path / name / "eval_val.json").read_text())["metrics"]
        losses[name] = metrics["loss"]
    epochs = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert losses["ema"] == pytest.approx(epochs[-1]["eval_loss"], rel=1e-9)
    assert losses["raw"] != losses["ema"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--split", "val", "--seed", "7"], "would hold training images (seed 42 -> 7)"),
        (["--split", "val", "--data.val_fraction", "0.5"], None),
        (["--data.classes", "[1, 0, 2, 3, 4, 5, 6, 7, 8, 9]"], "class 0 '0', got data with '1'"),
        (["--epochs", "3"], "epochs: acts on training only"),
        (["--optim.lr=3"], "optim.lr: acts on training only"),
    ],
)
def test_evaluation_on_other_images_than_were_held_out_is_refused(
    options, message, trained, write_photographs, command, tmp_path
):
    held_out = message is not None and "training images" in message
    run = trained()
    if held_out or message is None:
        root = write_photographs(tmp_path / "photos", {"train": 12, "test": 2})
        run = tmp_path / "photo_run"
        argv = ["--smoke", "--out", run, "--data.name", "folder", "--data.root", root]
        assert command("train", *argv, "--batch_size", "4", "--seed", "42").code == 0
        message = message or "would hold training images (data.val_fraction 0.1 -> 0.5)"
    outcome = command("evaluate", "--pretrained", run, *options)
    assert outcome.code in (1, 2)
    assert message in outcome.err
    assert outcome.err.count("\n") == 1


def test_a_run_that_chose_on_test_has_no_held_out_images(write_photographs, command, tmp_path):
    root = write_photographs(tmp_path / "photos", {"train": 8, "test": 2})
    argv = ["--smoke", "--out", tmp_path / "run", "--data.name", "folder", "--data.root", root]
    argv += ["--batch_size", "4", "--evaluation.selection", "test"]
    assert command("train", *argv).code == 0
    outcome = command("evaluate", "--pretrained", tmp_path / "run", "--split", "val")
    assert outcome.code == 2
    assert "all of train was trained on" in outcome.err


def test_resuming_with_other_images_is_refused(write_photographs, command, tmp_path):
    root = write_photographs(tmp_path / "photos", {"train": 8, "test": 2})
    argv = ["--smoke", "--out", tmp_path / "run", "--data.name", "folder", "--data.root", root]
    argv += ["--batch_size", "4"]
    assert command("train", *argv).code == 0
    (root / "train" / "zebra" / "0.jpg").unlink()
    outcome = command("train", *argv, "--resume", "auto")
    assert outcome.code == 1
    assert "was trained on other data (train_images" in outcome.err
