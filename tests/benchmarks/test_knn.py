"""benchmarks/knn.py runs, its contestants agree; its figures mean nothing here."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "knn.py"
HAS_PYTORCH = importlib.util.find_spec("torch") is not None


def run(*argv: object) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, str(SCRIPT), *map(str, argv)]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_contestants_agree_and_the_last_line_holds_their_ratios() -> None:
    done = run("--turns", 1, "--bank", 700, "--queries", 40)
    assert done.returncode == 0, done.stderr
    ratios = json.loads(done.stdout.splitlines()[-1])
    named = {"queries_per_s_vs_pytorch", "peak_memory_vs_pytorch"} if HAS_PYTORCH else set()
    assert named <= set(ratios)
    assert all(ratio > 0 for ratio in ratios.values())
    names = ["ours", "ours by NumPy", *(["PyTorch"] if HAS_PYTORCH else [])]
    assert [name for name in names if f"\n{name:16}" in done.stdout] == names


@pytest.mark.parametrize("argv", [("--turns", 0), ("--bank", 199)])
def test_mistakes_are_refused(argv: tuple) -> None:
    done = run(*argv)
    assert done.returncode == 2
    assert "error:" in done.stderr
