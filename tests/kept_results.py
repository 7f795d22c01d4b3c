"""A page of results made from run folders, as the experiments' scripts do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPTS = Path(__file__).parents[1] / "scripts"


def script(name: str, *argv: object) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, str(SCRIPTS / name), *map(str, argv)]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def write_page(topic: str, root: Path, *folders: Path) -> subprocess.CompletedProcess[str]:
    """Keep the folders as ``topic`` and write ``root / "page.md"``."""
    kept = root / "results"
    kept.mkdir()
    done = script("keep_results.py", kept / f"{topic}.json", *folders)
    return done if done.returncode else script("results_page.py", kept, root / "page.md")


def rows_in(text: str) -> list[list[str]]:
    """Cells of all tables of a page, headings and rules too."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
