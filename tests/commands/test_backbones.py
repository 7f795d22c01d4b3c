"""Every kind of backbone through train, evaluate and export, as a user runs it."""

from __future__ import annotations

import json

import pytest
from safetensors.numpy import load_file

CASES = {  # backbone: (names that a linear head's file must have, options)
    "swin_test": ("head.fc.weight", "--tuning.modes [psrp] --head.tokens unnormed"),
    "fd_vit_test": ("head.weight", "--tuning.modes [full] --backbone.drop_path 0.2"),
    "fd_vit_test_student": ("head.weight", "--tuning.modes [psrp]"),
    "swinv2_test": ("head.fc.weight", "--tuning.modes [full] --backbone.drop_path 0.2"),
}


@pytest.mark.parametrize("name", CASES)
def test_trains_evaluates_and_exports(name, trained, command, tmp_path):
    classifier, options = CASES[name]
    run = trained("--backbone.name", name, *options.split())
    best = load_file(run / "checkpoints" / "best.safetensors")
    assert classifier in best
    assert command("evaluate", "--pretrained", run, "--out", tmp_path / "eval").code == 0
    found = json.loads((tmp_path / "eval" / "eval_test.json").read_text())["metrics"]
    assert found == json.loads((run / "result.json").read_text())["metrics"]
    for file_format, file in (("MINDIR", "m.mindir"), ("ONNX", "m.onnx")):
        argv = ["--pretrained", run, "--file_format", file_format, "--file", tmp_path / file]
        outcome = command("export", *argv)
        assert outcome.code == 0, outcome.err
        assert json.loads((tmp_path / f"{file}.json").read_text())["input"][0] == "batch"
