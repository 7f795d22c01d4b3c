"""The chapter of scripts/distillation_table.py, on results written here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "results_page.py"
DIAGNOSIS = {"protocol": "diagnose", "attention": {"distance": [[4.0, 6.0], [10.0, 12.0]]}}


def trained(seed: int, top1: float, **more: Any) -> dict[str, Any]:
    return {
        "command": f"python train.py --seed {seed}",
        "selection": {"split": "val", "top1": 50.0},
        "parameters": {"trainable": 459077},
        "updates": 250,
        "seconds": 60.0,
        "versions": {"mindtune": "0.1.0"},
        "config": {"seed": seed, "device_target": "CPU", "data": {"classes": ["dog", "frog"]}},
        "split": "test",
        "metrics": {"top1": top1, "images": 2000},
        **more,
    }


def make_page(root: Path, results: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    (root / "results").mkdir()
    (root / "results" / "distillation.json").write_text(json.dumps(results))
    words = [sys.executable, str(SCRIPT), str(root / "results"), str(root / "page.md")]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_accuracies_and_distances(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    diagnosed = {"evaluations": {"eval_diagnose_test": DIAGNOSIS}}
    results = {
        "pretrained": trained(1, 60.0, **diagnosed),
        "teacher_tuned_seed1": trained(1, 70.0, **diagnosed),
        "student_tuned_seed1": trained(1, 71.0),
        "student_tuned_seed2": trained(2, 74.0),
    }
    done = make_page(tmp_path, results)
    assert (done.returncode, done.stderr) == (0, "")
    text = (tmp_path / "page.md").read_text()
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[2:4] == [
        ["teacher_tuned", "459,077", "70.00", "250", "1", "1.0"],
        ["student_tuned", "459,077", "72.50 (71.00 to 74.00)", "250", "1, 2", "1.0"],
    ]
    assert cells[6:] == [["pretrained", "8.0", "11.0"], ["teacher_tuned_seed1", "8.0", "11.0"]]
    assert "Top-1 on 2,000 test images of dog, frog, by the checkpoint chosen on val." in text
    assert text.count("python train.py") == 2
    assert "<svg" in (tmp_path / "pictures" / "distillation.svg").read_text()


def test_runs_of_which_none_was_diagnosed_are_refused(tmp_path: Path) -> None:
    done = make_page(tmp_path, {"a_tuned_seed1": trained(1, 70.0)})
    assert done.returncode == 1
    assert "distillation: got 1 rows of tuned runs and 0 diagnosed ones" in done.stderr
    assert not (tmp_path / "page.md").exists()
