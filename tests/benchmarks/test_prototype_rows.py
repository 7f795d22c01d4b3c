"""benchmarks/prototype_rows.py runs, its contestants agree; its figures mean nothing here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "prototype_rows.py"


def test_contestants_agree_and_the_last_line_holds_their_ratios() -> None:
    pytest.importorskip("torch")
    words = [sys.executable, str(SCRIPT), "300", "1"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    ratios = json.loads(done.stdout.splitlines()[-1])
    names = [
        f"{what}_vs_{other}" for other in ("operators", "pytorch") for what in ("time", "memory")
    ]
    assert sorted(ratios) == sorted(names)
    assert all(ratio > 0 for ratio in ratios.values())
