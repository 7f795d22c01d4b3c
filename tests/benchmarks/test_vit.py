"""benchmarks/vit.py runs, and says what it promises; its figures mean nothing here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SUFFIXES = ("", "_memory", "_memory_beyond_import")
SCRIPT = Path(__file__).parents[2] / "benchmarks" / "vit.py"


def run(*argv: object) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, str(SCRIPT), *map(str, argv)]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_the_last_line_holds_ratios_of_time_and_memory() -> None:
    pytest.importorskip("torch")
    cases = ["vit_b_mp_plus_step", "swin_t_infer"]
    done = run("--tiny", "--turns", 1, "--no-startup", "--cases", *cases)
    assert done.returncode == 0, done.stderr
    ratios = json.loads(done.stdout.splitlines()[-1])
    assert set(ratios) == {f"{case}{suffix}" for case in cases for suffix in SUFFIXES}
    assert all(ratio >= 0 for ratio in ratios.values())


@pytest.mark.parametrize("argv", [("--turns", 0), ("--cases", "fourier")])
def test_mistakes_are_refused(argv: tuple) -> None:
    done = run(*argv)
    assert done.returncode == 2
    assert "error:" in done.stderr
