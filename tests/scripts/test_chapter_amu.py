"""The chapter on few-shot classification by a CLIP."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kept_results import write_page

ACCURACIES = {  # (val, test) by method and seed
    ("zero_shot", 1): (20, 30), ("zero_shot", 2): (40, 30),
    ("auxiliary", 1): (50, 40), ("auxiliary", 2): (50, 44),
    ("amu", 1): (60, 47), ("amu", 2): (45, 51),
}  # fmt: skip
NAMES = ("data", "method", "shots", "seed", "val_top1", "top1")
EVALUATION = {
    "command": "python eval.py --protocol few_shot_clip",
    "split": "test",
    "data": {"name": "folder"},
    "backbone": "vit_clip_test",
    "class_names": ["dog", "frog"],
    "test_images": 2000,
    "amu": {"auxiliary": [{"name": None, "pretrained": "runs/vit", "pretrained_key": None}]},
    "few_shot_clip": {
        "seeds": [1, 2], "shots": [4], "search": True, "methods": ["zero_shot", "auxiliary", "amu"],
    },
    "accuracies": [
        dict(zip(NAMES, ("folder", method, 4, seed, val, top1)))
        for (method, seed), (val, top1) in ACCURACIES.items()
    ],
}  # fmt: skip
CLIP = {
    "command": "python train.py --config clip.yaml",
    "parameters": {"total": 636609},
    "metrics": {"top1": 45.5, "images": 10000},
    "split": "test",
    "updates": 772,
    "seconds": 600.0,
    "config": {"seed": 42, "device_target": "CPU"},
    "versions": {"mindtune": "0.1.0"},
}


def write_runs(folder: Path, **files: dict[str, Any]) -> list[Path]:
    for name, found in files.items():
        (folder / name).mkdir()
        file = "eval_few_shot_clip_folder_test" if "accuracies" in found else "result"
        (folder / name / f"{file}.json").write_text(json.dumps(found))
    return [folder / name for name in files]


def test_the_chapter(tmp_path):
    pytest.importorskip("matplotlib")
    done = write_page("amu", tmp_path, *write_runs(tmp_path, clip=CLIP, few=EVALUATION))
    assert (done.returncode, done.stderr) == (0, "")
    page = (tmp_path / "page.md").read_text()
    assert "Made by `bash scripts/cifar10_amu.sh`." in page
    assert "| zero_shot | 30.00 ± 0.00 |" in page
    assert "| amu | 49.00 ± 2.83 |" in page
    assert "Top-1 on 2,000 test images of dog, frog; CLIP vit_clip_test, beside it runs/vit" in page
    assert "in 1 of 2 draws on the validation images, in 2 on the test images." in page
    assert "- clip: 636,609 parameters, 45.50 % top-1 on 10,000 test images, 772 updates" in page
    commands = "python train.py --config clip.yaml\npython eval.py --protocol few_shot_clip\n"
    assert f"```\n{commands}```" in page
    assert "![top-1 over images a class](pictures/amu.svg)" in page
    assert (tmp_path / "pictures" / "amu.svg").read_text().startswith("<?xml")


def test_without_an_evaluation_there_is_no_chapter(tmp_path):
    done = write_page("amu", tmp_path, *write_runs(tmp_path, clip=CLIP))
    assert done.returncode == 1
    assert "got no evaluation, expected a folder of eval.py --protocol few_shot_clip" in done.stderr
    assert not (tmp_path / "page.md").exists()
