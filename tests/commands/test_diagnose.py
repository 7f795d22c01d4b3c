"""eval.py --protocol diagnose: numbers, figures, and what it refuses."""

from __future__ import annotations

import json
import sys

import pytest
from PIL import Image

DIAGNOSE = ("--protocol", "diagnose", "--diagnose.images", "40")


def test_numbers_and_figures_of_a_classifier(command, run_folder) -> None:
    outcome = command("evaluate", "--pretrained", run_folder, *DIAGNOSE, "--diagnose.steps", "3")
    assert outcome.code == 0, outcome.err
    result = json.loads((run_folder / "eval_diagnose_test.json").read_text())
    metrics = result["metrics"]
    assert metrics["images"] == 40
    assert 0 < metrics["attention_distance"] < 32 * 2**0.5
    assert 0 < metrics["head_similarity"] < 1
    losses = result["landscape"]["losses"]
    assert losses[1][1] == pytest.approx(metrics["loss"], rel=1e-5)
    assert losses[0][0] != losses[1][1]
    assert [len(row) for row in result["attention"]["distance"]] == [3, 3]
    for figure in ("attention", "landscape"):
        with Image.open(run_folder / f"eval_diagnose_test_{figure}.png") as drawn:
            assert drawn.format == "PNG"


def test_a_student_without_classifier(command, trained, tmp_path) -> None:
    run = trained("--method", "feature_distillation", "--tuning.modes", "[full]")
    argv = ["--pretrained", run, "--out", tmp_path, *DIAGNOSE]
    outcome = command("evaluate", *argv)
    assert outcome.code == 1
    assert "has no classifier yet" in outcome.err
    assert command("evaluate", *argv, "--diagnose.steps", "0").code == 0
    assert "landscape" not in json.loads((tmp_path / "eval_diagnose_test.json").read_text())


def test_what_cannot_be_diagnosed(command, trained, run_folder, monkeypatch) -> None:
    outcome = command("evaluate", "--pretrained", run_folder, *DIAGNOSE, "--diagnose.images", "0")
    assert (outcome.code, "diagnose: got 0 images" in outcome.err) == (2, True)
    swin = trained("--backbone.name", "swin_test")
    outcome = command("evaluate", "--pretrained", swin, *DIAGNOSE)
    assert (outcome.code, "expected a transformer whose tokens all" in outcome.err) == (2, True)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    outcome = command("evaluate", "--pretrained", run_folder, *DIAGNOSE)
    assert (outcome.code, "mindtune[report]" in outcome.err) == (1, True)
