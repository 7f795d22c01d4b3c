"""The chapter on forgetting, of result files written here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kept_results import rows_in, write_page

HEADINGS = [
    "row", "trainable", "target top-1, %", "source k-NN before, %", "source k-NN after, %",
    "change", "seeds", "minutes",
]  # fmt: skip

Write = Callable[..., Path]


def result(seed: int, target: float, after: float, **changes: Any) -> dict[str, Any]:
    accuracies = {"10": {"top1": 1.0}, "20": {"top1": after}}
    return {
        "command": f"python train.py --seed {seed}",
        "selection": {"split": "val", "top1": 50.0, "epoch": 0, "step": 250},
        "parameters": {"trainable": 9611, "total": 459077},
        "updates": 250,
        "seconds": 60.0 + seed,
        "versions": {"mindtune": "0.1.0"},
        "config": {"seed": seed, "device_target": "CPU", "data": {"classes": ["dog", "frog"]}},
        "split": "test",
        "metrics": {"top1": target, "images": 5000},
        "forgetting": {
            "split": "test", "k": 20, "temperature": 0.07, "images": 4000, "bank_images": 25000,
            "data": {"classes": ["cat"]}, "before": {"10": {"top1": 2.0}, "20": {"top1": 68.0}},
            "after": accuracies,
        },
        **changes,
    }  # fmt: skip


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A run folder with such a result."""

    def run_folder(name: str, *values: Any, **changes: Any) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "result.json").write_text(json.dumps(result(*values, **changes)))
        return folder

    return run_folder


def test_rows_hold_mean_and_range_over_seeds(write: Write, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    folders = [
        write("full_seed1", 1, 70.0, 58.0),
        write("linear_seed1", 1, 60.0, 68.0),
        write("full_seed2", 2, 73.0, 60.0),
    ]
    done = write_page("forgetting", tmp_path, *folders)
    assert (done.returncode, done.stderr) == (0, "")
    text = (tmp_path / "page.md").read_text()
    cells = rows_in(text)
    full = ["71.50 (70.00 to 73.00)", "68.00", "59.00 (58.00 to 60.00)", "-9.00", "1, 2", "1.0"]
    assert cells[0] == HEADINGS
    assert cells[2:] == [
        ["full", "9,611", *full],
        ["linear", "9,611", "60.00", "68.00", "68.00", "+0.00", "1", "1.0"],
    ]
    assert "top-1 on 5,000 test images of dog, frog, by the checkpoint chosen on val" in text
    assert "(k = 20, temperature 0.07) on 4,000 test images of cat among 25,000 training" in text
    assert text.count("python train.py --seed 1\n") == 2
    assert text.endswith("- CPU, mindtune 0.1.0\n")
    assert "](pictures/forgetting.svg)" in text
    picture = (tmp_path / "pictures" / "forgetting.svg").read_text()
    assert picture.count("<!-- full -->") == 1  # the name beside its mark
    assert "target, top-1, %" in picture


@pytest.mark.parametrize(
    ("name", "changes", "code", "said"),
    [
        (
            "full_seed1",
            {"forgetting": None},
            1,
            "error: full_seed1: got a run that did not",
        ),
        ("full", {}, 2, "error: run folder: got full, expected a name that ends in _seed and digi"),
    ],
)
def test_runs_that_do_not_fit_are_named(
    name: str, changes: dict[str, Any], code: int, said: str, write: Write, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    done = write_page("forgetting", tmp_path, write(name, 1, 70.0, 58.0, **changes))
    assert done.returncode == code
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "page.md").exists()
