"""scripts/distillation_table.py on result files written here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

SCRIPT = Path(__file__).parents[2] / "scripts" / "distillation_table.py"


def write_run(root: Path, name: str, seed: int, top1: float) -> Path:
    folder = root / name
    folder.mkdir()
    result = {
        "command": f"python train.py --seed {seed}",
        "selection": {"split": "val", "top1": 50.0},
        "parameters": {"trainable": 459077},
        "updates": 250,
        "seconds": 60.0,
        "versions": {"mindtune": "0.1.0"},
        "config": {"seed": seed, "device_target": "CPU", "data": {"classes": ["dog", "frog"]}},
        "split": "test",
        "metrics": {"top1": top1, "images": 2000},
    }
    (folder / "result.json").write_text(json.dumps(result))
    return folder


def write_diagnosis(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    found = {"attention": {"distance": [[4.0, 6.0], [10.0, 12.0]]}}
    (folder / "eval_diagnose_test.json").write_text(json.dumps(found))
    return folder


def run(*argv: object) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, str(SCRIPT), *map(str, argv)]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_accuracies_and_distances(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    folders = [
        write_run(tmp_path, "teacher_seed1", 1, 70.0),
        write_run(tmp_path, "student_seed1", 1, 71.0),
        write_run(tmp_path, "student_seed2", 2, 74.0),
    ]
    diagnosed = [write_diagnosis(folders[0]), write_diagnosis(tmp_path / "pretrained")]
    page, plot = tmp_path / "page.md", tmp_path / "plot.png"
    done = run(page, plot, *folders, "--diagnosed", *diagnosed)
    assert (done.returncode, done.stderr) == (0, "")
    text = page.read_text()
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert cells[2:4] == [
        ["teacher", "459,077", "70.00", "250", "1", "1.0"],
        ["student", "459,077", "72.50 (71.00 to 74.00)", "250", "1, 2", "1.0"],
    ]
    assert cells[6:] == [["teacher_seed1", "8.0", "11.0"], ["pretrained", "8.0", "11.0"]]
    assert "Top-1 on 2,000 test images of dog, frog, by the checkpoint chosen on val." in text
    assert text.count("python train.py") == 2
    assert Image.open(plot).size[0] > 500


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["a_seed1"], "arguments: got 1 run folders and 0 diagnosed ones, expected OUT.md, PLOT"),
        (
            ["a_seed1", "--diagnosed", "b"],
            "{root}/b: got 0 files eval_diagnose_*.json, expected one",
        ),
        (["b", "--diagnosed", "b"], "{root}/b: got a folder without result.json"),
    ],
)
def test_what_is_missing_is_named(words: list[str], said: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    write_run(tmp_path, "a_seed1", 1, 70.0)
    (tmp_path / "b").mkdir()
    given = [word if word.startswith("--") else tmp_path / word for word in words]
    done = run(tmp_path / "page.md", tmp_path / "plot.png", *given)
    assert done.returncode != 0
    assert done.stderr.startswith("error: " + said.format(root=tmp_path))
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "page.md").exists()
