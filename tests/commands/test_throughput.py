"""eval.py --throughput: without data, with and without weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

QUICK = ("--throughput.warmup", "1", "--throughput.repeats", "2", "--evaluation.batch_size", "3")


def found(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text())


def test_a_network_by_name(command, tmp_path) -> None:
    outcome = command("evaluate", "--throughput", "--backbone.name", "vit_test", *QUICK)
    assert outcome.code == 0, outcome.err
    result = found(tmp_path / "runs" / "eval-none" / "eval_throughput.json")
    assert (result["batch_size"], result["image_size"], result["weights"]) == (3, 32, None)
    assert result["metrics"]["images_per_second"] > 0


def test_a_run_whose_data_is_gone(command, run_folder) -> None:
    away = ("--data.name", "folder", "--data.root", "nowhere")
    assert command("evaluate", "--pretrained", run_folder, "--throughput", *QUICK, *away).code == 0
    assert found(run_folder / "eval_throughput.json")["repeats"] == 2


def test_nothing_to_time(command) -> None:
    outcome = command("evaluate", "--throughput", "--throughput.repeats", "0")
    assert outcome.code == 2
    assert "throughput.repeats: got 0, expected at least 1" in outcome.err
