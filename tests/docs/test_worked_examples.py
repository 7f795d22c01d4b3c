"""The Python of the documentation runs as it stands on the page."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROGRAMS = ("adding_a_backbone", "adding_a_data_set", "adding_a_method", "quick_start")


def blocks_of(page: str) -> list[str]:
    return BLOCK.findall((ROOT / "docs" / f"{page}.md").read_text())


def run(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder."""
    file = folder / "program.py"
    file.write_text(program)
    return subprocess.run(
        [sys.executable, str(file)],
        cwd=folder,
        env={**os.environ, "GLOG_v": "4"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_page_with_python_is_here() -> None:
    pages = {path.stem for path in (ROOT / "docs").glob("*.md") if blocks_of(path.stem)}
    assert pages == {*PROGRAMS, "export"}


@pytest.mark.parametrize("page", PROGRAMS)
def test_the_page_runs(page: str, tmp_path: Path) -> None:
    done = run("\n\n".join(blocks_of(page)), tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.glob("runs/*/result.json"))  # it trained


@pytest.mark.parametrize("page", [*PROGRAMS, "export"])
def test_the_page_is_in_the_house_style(page: str, tmp_path: Path) -> None:
    file = tmp_path / f"{page}.py"
    file.write_text("\n\n".join(blocks_of(page)))
    options = ["--config", str(ROOT / "pyproject.toml"), "--ignore", "E402"]  # a page goes on
    check = [sys.executable, "-m", "ruff", "check", *options, str(file)]
    done = subprocess.run(check, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_an_exported_file_answers_the_same_with_the_package_and_without(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (41, 57, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.jpg")
    options = '["--smoke", "--augment.hflip", "0", "--out", "runs/birds"]'
    made = run(
        "from mindtune import cli, commands\n"
        f"assert cli.run(commands.train, {options}) == 0\n"
        "assert cli.run(commands.export, ['--pretrained', 'runs/birds']) == 0\n",
        tmp_path,
    )
    assert (made.returncode, made.stderr) == (0, "")

    without, with_package = blocks_of("export")
    assert "mindtune" not in without
    answers = run(without, tmp_path)
    both = run(f"from PIL import Image\n{with_package}", tmp_path)
    assert (answers.returncode, answers.stderr) == (0, "")
    assert (both.returncode, both.stderr) == (0, "")
    assert len(answers.stdout.splitlines()) == 5
    assert answers.stdout == both.stdout
