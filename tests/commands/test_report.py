"""What commands leave for the report, and that they do as well without it."""

from __future__ import annotations

import csv
import json
import sys

import pytest


def rows(file) -> list[dict[str, str]]:
    with file.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_finished_run_has_a_page_with_its_errors(trained) -> None:
    run = trained()
    page = (run / "report.html").read_text()
    for title in (
        "Training",
        "Parameters",
        "Confusion matrix, test",
        "Most confident errors, test",
    ):
        assert f"<h2>{title}</h2>" in page
    result = json.loads((run / "result.json").read_text())
    groups = result["parameters"]["groups"]
    assert sum(group["total"] for group in groups) == result["parameters"]["total"]
    assert 50 < result["peak_memory_mb"] < 1e5

    answers = rows(run / "eval_test_predictions.csv")
    right = [row["label"] == row["predicted"] for row in answers]
    assert 100 * sum(right) / len(right) == pytest.approx(result["metrics"]["top1"])
    assert [int(row["images"]) for row in rows(run / "eval_test_per_class.csv")] == [
        sum(row["label"] == str(label) for row in answers) for label in range(10)
    ]
    errors = json.loads((run / "eval_test_errors.json").read_text())
    assert len(errors) == 24
    sure = [error["confidence"] for error in errors]
    assert sure == sorted(sure, reverse=True)
    wrong = {row["image"]: row for row in answers if row["label"] != row["predicted"]}
    assert sure[0] == max(float(row["confidence"]) for row in wrong.values())
    assert all(wrong[error["image"]]["label"] == error["label"] for error in errors)
    assert all(error["picture"] in page for error in errors)


def test_evaluation_writes_the_page_anew(command, run_folder) -> None:
    outcome = command(
        "evaluate", "--pretrained", run_folder, "--protocol", "pictures", "--pictures.images", "40",
        "--pictures.classes", "3", "--pictures.attention", "2",
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert f"report: {run_folder}/report.html" in outcome.out
    found = json.loads((run_folder / "eval_pictures_test.json").read_text())
    assert found["class_names"] == ["0", "4", "9"]
    assert {len(found[key]) for key in ("labels", "tsne", "pca")} == {40}
    assert set(found["labels"]) == {0, 1, 2}
    assert [len(one["panels"]) for one in found["attention"]] == [5, 5]  # of 3 heads
    page = (run_folder / "report.html").read_text()
    assert "<h2>Features in two dimensions, test</h2>" in page
    assert all(panel in page for one in found["attention"] for panel in one["panels"])


def test_pictures_of_a_network_without_class_token(command, trained, tmp_path) -> None:
    swin = trained("--backbone.name", "swin_test")
    argv = ["--pretrained", swin, "--out", tmp_path, "--protocol", "pictures"]
    assert command("evaluate", *argv, "--pictures.images", "20").code == 0
    found = json.loads((tmp_path / "eval_pictures_test.json").read_text())
    assert found["attention"] == []
    outcome = command("evaluate", *argv, "--pictures.classes", "0")
    assert (outcome.code, "of 0 classes" in outcome.err) == (2, True)


def test_a_run_without_jinja2_succeeds_and_says_so(command, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    outcome = command("train", "--smoke", "--out", "run")
    assert outcome.code == 0, outcome.err
    assert "report: not written, since jinja2 is not installed" in outcome.out
    assert "mindtune report run" in outcome.out
