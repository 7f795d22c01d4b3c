"""The chapter on few-shot episodes, of evaluations written here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kept_results import rows_in, write_page


def evaluation(seed: int, accuracy: float, **changes: Any) -> dict[str, Any]:
    return {
        "split": "test", "images": 5000, "seed": seed, "data": {"name": "folder", "classes": None},
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


def test_a_table_a_data_set_with_what_each_row_gains(tmp_path: Path) -> None:
    folders = [
        write(tmp_path, "random_seed1", 1, 30.0),
        write(tmp_path, "phase1_seed1", 1, 41.0),
        write(tmp_path, "phase1_seed2", 2, 42.0),
    ]
    changes = {"split": "train", "data": {"name": "omniglot", "classes": ["Greek/a", "Greek/b"]}}
    for folder in folders:
        write(tmp_path, folder.name, 1, 60.0, file="omniglot_train", **changes)
    done = write_page("few_shot", tmp_path, *folders)
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


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        (
            "b_seed1",
            {"images": 7},
            "error: b_seed1: got other data, options or metrics of few_shot",
        ),
        ("b", {}, "error: run folder: got b, expected a name that ends in _seed and digits"),
        (
            "b_seed1",
            {"file": "omniglot"},
            "error: b_seed1: got no eval_few_shot_folder_test.json",
        ),
    ],
)
def test_evaluations_that_do_not_fit_are_named(
    name: str, changes: dict[str, Any], said: str, tmp_path: Path
) -> None:
    folders = [write(tmp_path, "a_seed1", 1, 30.0), write(tmp_path, name, 1, 30.0, **changes)]
    done = write_page("few_shot", tmp_path, *folders)
    assert done.returncode != 0
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "page.md").exists()


def test_folders_without_evaluations_are_named(tmp_path: Path) -> None:
    run = tmp_path / "run_seed1"
    run.mkdir()
    (run / "result.json").write_text("{}")
    done = write_page("few_shot", tmp_path, run)
    assert done.returncode == 1
    assert "run_seed1: got no eval_few_shot_*.json, expected evaluations" in done.stderr
