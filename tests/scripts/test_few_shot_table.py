"""The chapter of scripts/few_shot_table.py, from folders of evaluations written here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


def evaluation(seed: int, accuracy: float, **changes: Any) -> dict[str, Any]:
    return {
        "protocol": "few_shot", "split": "test", "images": 5000, "seed": seed,
        "data": {"name": "folder", "classes": None},
        "few_shot": {"way": 5, "queries": 15, "episodes": 1000, "features": "both"},
        "metrics": {
            "prototype_1shot": accuracy, "prototype_1shot_interval": 0.3 + seed / 100,
            "prototype_5shot": accuracy + 10, "prototype_5shot_interval": 0.2,
        },
        **changes,
    }  # fmt: skip


def write(root: Path, name: str, *values: Any, file: str = "folder_test", **changes: Any) -> Path:
    folder = root / name
    folder.mkdir(exist_ok=True)
    text = json.dumps(evaluation(*values, **changes))
    (folder / f"eval_few_shot_{file}.json").write_text(text)
    return folder


def run(script: str, *argv: object) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, str(SCRIPTS / script), *map(str, argv)]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def make_page(root: Path, *folders: Path) -> subprocess.CompletedProcess[str]:
    (root / "results").mkdir()
    kept = run("keep_results.py", root / "results" / "few_shot.json", *folders)
    assert (kept.returncode, kept.stderr) == (0, "")
    return run("results_page.py", root / "results", root / "page.md")


def rows_in(text: str) -> list[list[str]]:
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_a_table_a_data_set_with_what_each_row_gains(tmp_path: Path) -> None:
    folders = [
        write(tmp_path, "random_seed1", 1, 30.0),
        write(tmp_path, "phase1_seed1", 1, 41.0),
        write(tmp_path, "phase1_seed2", 2, 42.0),
    ]
    changes = {"split": "train", "data": {"name": "omniglot", "classes": ["Greek/a", "Greek/b"]}}
    for folder in folders:
        write(tmp_path, folder.name, 1, 60.0, file="omniglot_train", **changes)
    done = make_page(tmp_path, *folders)
    assert (done.returncode, done.stderr) == (0, "")
    text = (tmp_path / "page.md").read_text()
    cells = rows_in(text)
    assert cells[0] == [
        "row", "features", "prototype_1shot, %", "over random", "prototype_5shot, %", "over random",
    ]  # fmt: skip
    assert cells[2:4] == [
        ["random", "both", "30.00", "+0.00", "40.00", "+0.00"],
        ["phase1", "both", "41.50 (41.00 to 42.00)", "+11.50", "51.50 (51.00 to 52.00)", "+11.50"],
    ]
    assert len(cells) == 8
    assert "from 5,000 test images of all classes, 15 queries a class, 1,000 episodes" in text
    assert "at most ± 0.32" in text
    assert "train images of Greek/a, Greek/b" in text
    assert "![dog](pictures/few_shot/dog_attention.png)" in text


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("b_seed1", {"images": 7}, "b_seed1: got other data, options or metrics of few_shot than"),
        ("b", {}, "run folder: got b, expected a name that ends in _seed and digits"),
        ("b_seed1", {"file": "omniglot"}, "b_seed1: got no eval_few_shot_folder_test, expected an"),
    ],
)
def test_evaluations_that_do_not_fit_are_named(
    name: str, changes: dict[str, Any], said: str, tmp_path: Path
) -> None:
    folders = [write(tmp_path, "a_seed1", 1, 30.0), write(tmp_path, name, 1, 30.0, **changes)]
    done = make_page(tmp_path, *folders)
    assert done.returncode != 0
    assert done.stderr.startswith(f"error: {said}")
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "page.md").exists()
