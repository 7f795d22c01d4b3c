"""scripts/convert_weights.py as a user calls it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "convert_weights.py"
VIT = Path(__file__).parents[1] / "data" / "weights" / "b_timm_vit" / "vit.pth"


def run(*argv: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), *map(str, argv)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_says_what_was_written(tmp_path: Path) -> None:
    done = run(VIT, tmp_path / "hf.safetensors", "--to", "safetensors-hf", "--without", "head")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        f"{tmp_path / 'hf.safetensors'}: 54 tensors under Hugging Face ViT names",
        "left out (2): head.weight, head.bias",
    ]


def test_fault_is_one_line_and_an_exit_code(tmp_path: Path) -> None:
    done = run(VIT, tmp_path / "a.npz", "--to", "npz")
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: weights {VIT}: num_heads: got a network of width 48")
    assert done.stderr.count("\n") == 1
