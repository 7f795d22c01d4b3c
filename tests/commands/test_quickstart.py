"""The quick start: its shipped weights, and the whole script with training cut short."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from safetensors import safe_open

from mindtune.config import flatten

ROOT = Path(__file__).parents[2]
WEIGHTS = ROOT / "weights" / "vit_digits_patch4_16.safetensors"
METHODS = ("linear_probe", "moment_probing")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What the script needs of the repository, in a folder with a space in its name.

    Its ``.venv`` counts as installed and holds the interpreter of this test.
    """
    root = tmp_path / "a clone"
    for folder in ("scripts", "configs/quickstart", "weights", "src/mindtune/ops/kernels"):
        shutil.copytree(ROOT / folder, root / folder)
    for file in ("train.py", "eval.py", "export.py", "setup.py", "pyproject.toml"):
        shutil.copy(ROOT / file, root)
    python = root / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    (root / ".venv" / "installed-core").touch()
    return root


def start(clone: Path, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Type the README's command, in another folder than the clone."""
    return subprocess.run(
        ["bash", str(clone / "scripts" / "quickstart.sh"), *options],
        cwd=clone.parent,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_script_trains_evaluates_exports_and_prints_the_table(clone) -> None:
    former = clone / "runs" / "quickstart" / "linear_probe"
    former.mkdir(parents=True)
    (former / "config.yaml").write_text("seed: 1\n")  # an earlier start, stopped half-way

    done = start(clone, "--epochs", "2", "--max_steps", "2")
    assert (done.returncode, done.stderr) == (0, "")

    runs = clone / "runs" / "quickstart"
    for method in METHODS:
        result = json.loads((runs / method / "result.json").read_text())
        assert result["updates"] == 2 * 2
        recipe = flatten(yaml.safe_load((ROOT / f"configs/quickstart/{method}.yaml").read_text()))
        assert flatten(result["config"])["head.name"] == recipe["head.name"]
        evaluated = json.loads((runs / method / "eval_test.json").read_text())
        assert evaluated["metrics"] == result["metrics"]
        row = next(line for line in done.stdout.splitlines() if line.startswith(f"| {method} |"))
        assert f"| {result['metrics']['top1']:.2f} |" in row
    assert (runs / "moment_probing" / "model.mindir").is_file()
    assert sorted(path.name for path in clone.parent.iterdir()) == ["a clone"]


def test_without_a_suitable_python_the_script_says_what_it_needs(clone) -> None:
    shutil.rmtree(clone / ".venv")
    done = start(clone, PYTHON="false")
    assert done.returncode == 1
    assert "Python 3.9 to 3.12" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not (clone / "runs").exists()


def test_the_weights_can_be_made_again(clone) -> None:
    weights = clone / "weights" / WEIGHTS.name
    shipped = weights.read_bytes()
    options = ["--epochs", "6", "--max_steps", "1", "--evaluation.every", "6"]
    done = subprocess.run(
        [sys.executable, str(clone / "scripts" / "pretrain_digits.py"), *options],
        cwd=clone.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    best = clone / "runs" / "quickstart" / "pretrain" / "checkpoints" / "best.safetensors"
    assert weights.read_bytes() == best.read_bytes() != shipped


def test_shipped_weights_are_small_and_made_by_the_recipe() -> None:
    assert WEIGHTS.stat().st_size < 1_000_000
    with safe_open(WEIGHTS, "np") as file:
        said = json.loads(file.metadata()["mindtune"])
        tensors = [file.get_tensor(name) for name in file.keys()]  # noqa: SIM118
    assert all(tensor.dtype == np.float32 and np.isfinite(tensor).all() for tensor in tensors)
    assert said["class_names"] == list("01234")
    stored = flatten(said["config"])
    recipe = flatten(yaml.safe_load((ROOT / "configs/quickstart/pretrain.yaml").read_text()))
    assert {key: stored[key] for key in recipe} == recipe
    assert stored["out"] == "runs/quickstart/pretrain"  # nobody's home folder


def test_shipped_weights_read_the_digits_they_were_trained_on(command, tmp_path) -> None:
    outcome = command("evaluate", "--pretrained", WEIGHTS, "--out", tmp_path / "out")
    assert outcome.code == 0
    metrics = json.loads((tmp_path / "out" / "eval_test.json").read_text())["metrics"]
    assert metrics["images"] == 180
    assert metrics["top1"] > 97  # 99.44 where it was trained
