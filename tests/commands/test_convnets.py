"""Runs on networks of maps: the statistics of batch norms and library names travel with weights."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from mindtune.weights.readers import read_tensors


def tensors_of(run, name: str) -> dict[str, np.ndarray]:
    return read_tensors(run / "checkpoints" / f"{name}.safetensors").tensors


@pytest.fixture
def resnet_run(trained):
    """A fine-tuned tiny ResNet: three epochs of three updates, with averaged weights."""
    return trained("--backbone.name", "resnet_test", "--tuning.modes", "[full]")


def test_running_statistics_move_are_averaged_and_evaluated(resnet_run, command, tmp_path):
    last, best = tensors_of(resnet_run, "last"), tensors_of(resnet_run, "best")
    assert {"bn1.running_mean", "layer2.0.downsample.1.running_var", "fc.weight"} <= set(best)
    assert last["model/bn1.running_mean"].any()
    average = last["engine/ema.bn1.running_var"]
    assert np.any(average != last["model/bn1.running_var"])
    assert np.any(average != 1)
    argv = ["--pretrained", resnet_run, "--out", tmp_path / "eval"]
    assert command("evaluate", *argv).code == 0
    found = json.loads((tmp_path / "eval" / "eval_test.json").read_text())["metrics"]
    assert found == json.loads((resnet_run / "result.json").read_text())["metrics"]


def test_a_resumed_run_ends_with_the_same_bits(resnet_run, command, tmp_path):
    again = tmp_path / "run"
    shutil.copytree(resnet_run, again)
    checkpoints = again / "checkpoints"
    (checkpoints / "previous.safetensors").replace(checkpoints / "last.safetensors")
    options = ["--backbone.name", "resnet_test", "--tuning.modes", "[full]", "--resume", "auto"]
    outcome = command("train", "--smoke", "--out", again, *options)
    assert outcome.code == 0
    assert "resumed" in outcome.out
    expected = tensors_of(resnet_run, "last")
    for name, tensor in tensors_of(again, "last").items():
        np.testing.assert_array_equal(tensor, expected[name], err_msg=name)


def test_a_frozen_resnet_keeps_its_statistics(resnet_run, command, tmp_path):
    argv = ["--smoke", "--backbone.name", "resnet_test", "--pretrained", resnet_run]
    assert command("train", *argv, "--out", tmp_path / "probe").code == 0
    before, after = tensors_of(resnet_run, "best"), tensors_of(tmp_path / "probe", "best")
    for name in before:
        assert np.array_equal(before[name], after[name]) is not name.startswith("fc."), name
