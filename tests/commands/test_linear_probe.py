"""A linear probe as Feature Distillation's: LARS, and batch-normalised features."""

from __future__ import annotations

import json

import numpy as np

from mindtune.weights.readers import read_tensors

PROBE = ("--optim.name", "lars", "--optim.lr", "1.0", "--optim.weight_decay", "0")
NORMED = ("--head.linear.batch_norm", "true", "--head.linear.pool", "mean")


def test_probe_trains_head_and_statistics_alone(command, run_folder, tmp_path) -> None:
    run = tmp_path / "probe"
    argv = ["--smoke", "--pretrained", run_folder, "--out", run, *PROBE, *NORMED]
    outcome = command("train", *argv, "--schedule.min_lr", "1.0")
    assert outcome.code == 0, outcome.err
    before = read_tensors(run_folder / "checkpoints" / "best.safetensors").tensors
    after = read_tensors(run / "checkpoints" / "best.safetensors").tensors
    assert {name for name in after if name.startswith("head.")} == {
        "head.0.running_mean", "head.0.running_var", "head.1.weight", "head.1.bias",
    }  # fmt: skip
    assert after["head.0.running_mean"].any()
    for name in after.keys() & before.keys():
        np.testing.assert_array_equal(after[name], before[name], err_msg=name)

    assert command("evaluate", "--pretrained", run).code == 0
    found = json.loads((run / "eval_test.json").read_text())["metrics"]
    assert found == json.loads((run / "result.json").read_text())["metrics"]
    for file_format in ("MINDIR", "ONNX"):
        outcome = command("export", "--pretrained", run, "--file_format", file_format)
        assert outcome.code == 0, outcome.err
