"""The worked examples of the documentation run as they stand on the page."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = sorted(path.stem for path in (ROOT / "docs").glob("adding_a_*.md"))


def program_of(page: str) -> str:
    """All Python blocks of a page as one program."""
    return "\n\n".join(BLOCK.findall((ROOT / "docs" / f"{page}.md").read_text()))


@pytest.mark.parametrize("page", PAGES)
def test_the_page_runs(page: str, tmp_path: Path) -> None:
    program = tmp_path / f"{page}.py"
    program.write_text(program_of(page))
    done = subprocess.run(
        [sys.executable, str(program)],
        cwd=tmp_path,
        env={**os.environ, "GLOG_v": "4"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "runs").is_dir()  # it trained


def test_there_is_one_for_each_part() -> None:
    assert PAGES == ["adding_a_backbone", "adding_a_data_set", "adding_a_method"]


@pytest.mark.parametrize("page", PAGES)
def test_the_page_is_in_the_house_style(page: str, tmp_path: Path) -> None:
    program = tmp_path / f"{page}.py"
    program.write_text(program_of(page))
    options = ["--config", str(ROOT / "pyproject.toml"), "--ignore", "E402"]  # a page goes on
    check = [sys.executable, "-m", "ruff", "check", *options, str(program)]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
