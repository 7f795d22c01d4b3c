"""benchmarks/cross_covariance.py runs, and says what it promises; its figures mean nothing here."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from itertools import product
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "cross_covariance.py"
FAMILIES = ["composed", "numpy", *(["pytorch"] if importlib.util.find_spec("torch") else [])]


def run(*argv: object) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, str(SCRIPT), *map(str, argv)]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def test_contestants_agree_and_the_last_line_holds_their_ratios(tmp_path: Path) -> None:
    page = tmp_path / "roofline.md"
    cases = ["covariance", "head", "isqrt_d256"]  # the head holds the fused operator
    tiny = ["--tiny", "--turns", 1, "--batches", 2]
    done = run(*tiny, "--cases", *cases, "--roofline", page)
    assert done.returncode == 0, done.stderr
    ratios = json.loads(done.stdout.splitlines()[-1])
    names = product(cases, FAMILIES, ["", "_fwd"])
    assert set(ratios) == {f"{case}_b2_vs_{family}{suffix}" for case, family, suffix in names}
    assert all(ratio >= 0 for ratio in ratios.values())
    rows = [line.split(" | ") for line in page.read_text().splitlines() if line.startswith("| ")]
    # By hand, tokens 9, 4 heads of 16, 3 pairs, batch 2: maps from heads, read and written once.
    moved = 4 * 2 * (9 * 64 + 3 * 16 * 16)
    assert rows[1][:5] == ["| covariance", "2", "forward", "0.000", f"{moved / 1e6:.2f}"]
    assert len(rows) == 1 + 2 * len(cases)


@pytest.mark.parametrize("argv", [("--turns", 0), ("--cases", "fourier")])
def test_mistakes_are_refused(argv: tuple) -> None:
    done = run(*argv)
    assert done.returncode == 2
    assert "error:" in done.stderr
