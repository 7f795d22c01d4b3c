"""scripts/amu_table.py on result files written here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "amu_table.py"
ACCURACIES = {  # (val, test) by method and seed
    ("zero_shot", 1): (20, 30), ("zero_shot", 2): (40, 30),
    ("auxiliary", 1): (50, 40), ("auxiliary", 2): (50, 44),
    ("amu", 1): (60, 47), ("amu", 2): (45, 51),
}  # fmt: skip


def evaluation(folder: Path) -> Path:
    rows = [
        {
            "data": "folder",
            "method": method,
            "shots": 4,
            "seed": seed,
            "val_top1": val,
            "top1": top1,
        }
        for (method, seed), (val, top1) in ACCURACIES.items()
    ]
    auxiliary = [{"name": None, "pretrained": "runs/vit", "pretrained_key": None}]
    content = {
        "command": "python eval.py --protocol few_shot_clip",
        "split": "test", "data": {"name": "folder"}, "backbone": "vit_clip_test",
        "class_names": ["dog", "frog"], "test_images": 2000, "amu": {"auxiliary": auxiliary},
        "few_shot_clip": {"seeds": [1, 2], "search": True}, "accuracies": rows,
    }  # fmt: skip
    folder.mkdir()
    (folder / "eval_few_shot_clip_folder_test.json").write_text(json.dumps(content))
    (folder / "eval_few_shot_clip_folder_test.png").write_bytes(b"a plot")
    return folder


def trained(folder: Path) -> Path:
    content = {
        "command": "python train.py --config clip.yaml", "parameters": {"total": 636609},
        "metrics": {"top1": 45.5, "images": 10000}, "split": "test", "updates": 772,
        "seconds": 600.0, "config": {"seed": 42, "device_target": "CPU"},
        "versions": {"mindtune": "0.1.0"},
    }  # fmt: skip
    folder.mkdir()
    (folder / "result.json").write_text(json.dumps(content))
    return folder


def run(*argv: object) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, str(SCRIPT), *map(str, argv)]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_page_and_plot(tmp_path):
    folders = (trained(tmp_path / "clip"), evaluation(tmp_path / "few"))
    done = run(tmp_path / "page.md", tmp_path / "plot.png", *folders)
    assert (done.returncode, done.stderr) == (0, "")
    page = (tmp_path / "page.md").read_text()
    assert "| zero_shot | 30.00 ± 0.00 |" in page
    assert "| amu | 49.00 ± 2.83 |" in page
    assert (
        "Top-1 on 2,000 test images of dog, frog; CLIP vit_clip_test, beside it runs/vit." in page
    )
    assert "alone in 1 of 2 draws; on the test images in 2 of 2." in page
    assert "- clip: 636,609 parameters, 45.50 % top-1 on 10,000 test images, 772 updates" in page
    commands = "python train.py --config clip.yaml\npython eval.py --protocol few_shot_clip\n"
    assert f"```\n{commands}```" in page
    assert (tmp_path / "plot.png").read_bytes() == b"a plot"


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        ((), "got 2, expected OUT.md, PLOT.png and FOLDER..."),
        (("clip",), "got no eval_few_shot_clip_*.json, expected the folder of an evaluation"),
        (("few", "empty"), "got a folder without result.json, expected a finished run"),
    ],
)
def test_mistakes_are_named(tmp_path, folders, message):
    trained(tmp_path / "clip"), evaluation(tmp_path / "few"), (tmp_path / "empty").mkdir()
    done = run(tmp_path / "page.md", tmp_path / "plot.png", *(tmp_path / f for f in folders))
    assert done.returncode != 0
    assert message in done.stderr
    assert not (tmp_path / "page.md").exists()
