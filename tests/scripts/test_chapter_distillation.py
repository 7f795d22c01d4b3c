"""The chapter on distillation, of result files written here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kept_results import rows_in, write_page


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


def test_accuracies_and_distances(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    folders = [
        write_run(tmp_path, "teacher_tuned_seed1", 1, 70.0),
        write_run(tmp_path, "student_tuned_seed1", 1, 71.0),
        write_run(tmp_path, "student_tuned_seed2", 2, 74.0),
    ]
    write_diagnosis(folders[0])
    folders.append(write_diagnosis(tmp_path / "pretrained"))
    done = write_page("distillation", tmp_path, *folders)
    assert (done.returncode, done.stderr) == (0, "")
    text = (tmp_path / "page.md").read_text()
    cells = rows_in(text)
    assert cells[2:4] == [
        ["teacher_tuned", "459,077", "70.00", "250", "1", "1.0"],
        ["student_tuned", "459,077", "72.50 (71.00 to 74.00)", "250", "1, 2", "1.0"],
    ]
    assert cells[6:] == [["teacher_tuned_seed1", "8.0", "11.0"], ["pretrained", "8.0", "11.0"]]
    assert "Top-1 on 2,000 test images of dog, frog, by the checkpoint chosen on val." in text
    assert text.count("python train.py") == 2
    assert "pretrained" in (tmp_path / "pictures" / "distillation.svg").read_text()


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["a_tuned_seed1"], "distillation: got 1 rows and 0 diagnosed runs, expected runs called"),
        (["b"], "distillation: got 0 rows and 1 diagnosed runs"),
        (["b", "c_tuned_seed1"], "c_tuned_seed1: got a folder without result.json"),
    ],
)
def test_what_is_missing_is_named(names: list[str], said: str, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    write_run(tmp_path, "a_tuned_seed1", 1, 70.0)
    for name in ("b", "c_tuned_seed1"):
        write_diagnosis(tmp_path / name)
    done = write_page("distillation", tmp_path, *(tmp_path / name for name in names))
    assert done.returncode == 1
    assert done.stderr.startswith("error: " + said)
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "page.md").exists()
