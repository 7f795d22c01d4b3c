"""benchmarks/vit_profile.py runs, and writes its section of a page; no figure is judged."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "vit_profile.py"
OPERATORS = (
    "patch embedding", "LayerNorm", "qkv", "attention", "projection", "fc1", "GELU", "fc2",
)  # fmt: skip


def test_every_operator_has_a_row_of_each_pass_and_other_sections_stay(tmp_path: Path) -> None:
    page = tmp_path / "roofline.md"
    page.write_text("# Title\n\n<!-- other.py -->\nkept\n<!-- end of other.py -->\n")
    words = [sys.executable, str(SCRIPT), "--tiny", "--turns", "1", "--roofline", str(page)]
    for _ in range(2):  # the second time in the place of the first
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    text = page.read_text()
    assert text.startswith("# Title\n\n<!-- other.py -->\nkept\n<!-- end of other.py -->\n")
    assert text.count("<!-- vit_profile.py -->") == 1
    tables = text.split("Train step")
    rows = [[line.split(" | ") for line in part.splitlines() if "| " in line] for part in tables]
    inference, training = ([row[0].removeprefix("| ") for row in part[1:]] for part in rows)
    assert inference == [*OPERATORS, "residual sum", "rest", "whole"]
    both = [name for operator in OPERATORS for name in (operator, f"{operator}, backward")]
    assert training == [*both, "residual sum", "rest", "whole"]
    # By hand: batch 2, 16 patches and a class token, width 24: rows times 24 x 96, two blocks.
    gflop = 2 * 2 * 2 * 17 * 24 * 96 / 1e9
    assert next(row for row in rows[0] if row[0] == "| fc1")[2] == f"{gflop:.3f}"


def test_no_turns_are_refused() -> None:
    words = [sys.executable, str(SCRIPT), "--turns", "0"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--turns" in done.stderr
