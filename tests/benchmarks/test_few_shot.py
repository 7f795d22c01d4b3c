"""benchmarks/few_shot.py runs, and says what it promises; its figures mean nothing here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "few_shot.py"


def run(*argv: object) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, str(SCRIPT), *map(str, argv)]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_contestants_agree_and_the_last_line_holds_their_ratios() -> None:
    pytest.importorskip("torch")
    done = run("--tiny", "--turns", 1)
    assert done.returncode == 0, done.stderr
    ratios = json.loads(done.stdout.splitlines()[-1])
    others = ("prototype_episodes_vs_loop", "prototype_episodes_vs_indexed_loop")
    keys = (*others, "classifier_episodes_vs_loop")
    assert set(ratios) == {f"{key}{end}" for key in keys for end in ("", "_cpu")}
    assert all(ratio > 0 for ratio in ratios.values())
    assert sum("ours differs by" in line for line in done.stdout.splitlines()) == 4
