"""scripts/keep_results.py and scripts/results_page.py, and the page they made."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from kept_results import script

ROOT = Path(__file__).parents[2]


def write_run(folder: Path, **result: object) -> Path:
    folder.mkdir(parents=True)
    (folder / "result.json").write_text(json.dumps(result))
    return folder


def test_the_page_is_what_the_results_say(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    page = tmp_path / "results.md"
    done = script("results_page.py", ROOT / "results", page)
    assert (done.returncode, done.stderr) == (0, "")
    assert page.read_bytes() == (ROOT / "docs" / "results.md").read_bytes()
    pictures = {file.name for file in (ROOT / "docs" / "pictures").glob("*.svg")}
    assert {file.name for file in (tmp_path / "pictures").glob("*.svg")} <= pictures


def test_folders_of_the_machine_are_renamed_the_longest_first(tmp_path: Path) -> None:
    result = {"command": "train.py --data.root /d/set --out /d", "seeds": [{"root": "/d/set/x"}]}
    runs = [write_run(tmp_path / name, **result, number=name) for name in ("b", "a")]
    out = tmp_path / "kept.json"
    done = script(
        "keep_results.py", "--rename", "/d", "runs", "--rename", "/d/set", "DATA", out, *runs
    )
    assert (done.returncode, done.stderr) == (0, "")
    kept = json.loads(out.read_text())
    assert list(kept) == ["b", "a"]  # in the order given
    assert kept["a"]["result.json"]["command"] == "train.py --data.root DATA --out runs"
    assert kept["a"]["result.json"]["seeds"] == [{"root": "DATA/x"}]
    assert len(out.read_text().splitlines()) == 4  # a run a line


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        (["OUT"], 2, "error: .*required: RUN_FOLDER"),
        (["OUT", "one", "other/one"], 2, "got one twice"),
        (["OUT", "missing"], 1, "without result.json"),
    ],
)
def test_what_cannot_be_kept_is_said(
    tmp_path: Path, argv: list[str], code: int, message: str
) -> None:
    write_run(tmp_path / "one")
    write_run(tmp_path / "other" / "one")
    done = script("keep_results.py", *(tmp_path / word for word in argv))
    assert done.returncode == code
    assert re.search(message, done.stderr.splitlines()[-1])
    assert not (tmp_path / "OUT").exists()


def test_results_without_a_chapter_are_refused(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "results", tmp_path / "results")
    (tmp_path / "results" / "mine.json").write_text("{}")
    done = script("results_page.py", tmp_path / "results", tmp_path / "page.md")
    assert done.returncode == 2
    assert "got mine, expected results of" in done.stderr
    assert not (tmp_path / "page.md").exists()
