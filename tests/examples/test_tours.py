"""The tours in examples/ as a reader runs them: what they print is what their text says.

The bounds are far from what was measured, which stands beside them, and far from chance.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
TOURS = sorted(path.stem for path in EXAMPLES.glob("*.py"))


def tour(name: str, folder: Path) -> str:
    """The table at the end of what a tour prints, started in an empty folder."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / f"{name}.py")], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert [path.name for path in folder.iterdir()] == ["runs"]
    return done.stdout.rpartition("\n\n")[2]


def numbers(row: str, table: str) -> list[float]:
    """The numbers in the line of a table that begins with ``row``."""
    (line,) = re.findall(rf"^{re.escape(row)}  +(.*)$", table, re.MULTILINE)
    return [float(found.replace(",", "")) for found in re.findall(r"\d[\d,]*(?:\.\d+)?", line)]


@pytest.mark.parametrize("name", TOURS)
def test_a_tour_is_short_and_says_where_to_read_on(name):
    text = (EXAMPLES / f"{name}.py").read_text()
    assert len(text.splitlines()) < 60
    pages = re.findall(r"docs/\w+\.md", text)
    assert pages
    assert all((EXAMPLES.parent / page).is_file() for page in pages)


def test_moment_probing_reads_more_than_a_linear_probe(tmp_path):
    table = tour("moment_probing", tmp_path)
    (_, linear), (_, mp), (_, mp_plus) = (
        numbers(row, table) for row in ("linear probe", "MP", "MP+")
    )
    assert mp > linear + 4  # 83.24 and 72.63
    assert mp_plus > linear + 4  # 86.59
    trained = [numbers(row, table)[0] for row in ("linear probe", "MP", "MP+")]
    assert trained == [325, 4_819, 17_107]


def test_a_student_follows_its_teacher_and_is_a_better_start(tmp_path):
    table = tour("feature_distillation", tmp_path)
    (distance,) = numbers("distance to the teacher's tokens", table)
    assert distance < 0.05  # 0.0214
    (neighbours,) = numbers("k-NN top-1, no label seen", table)
    assert neighbours > 85  # 96.67; chance is 20
    (tuned,) = numbers("tuned by 2 epochs with labels", table)
    (fresh,) = numbers("  the same from random weights", table)
    assert tuned > fresh + 30  # 92.22 and 28.33


def test_what_is_frozen_forgets_nothing_and_full_tuning_most(tmp_path):
    table = tour("peft_without_forgetting", tmp_path)
    rows = {name: numbers(name, table) for name in ("linear", "lora", "block_expansion", "full")}
    (_, new, before, after) = rows["linear"]
    assert before == after > 95  # 99.44
    assert all(row[2] == before for row in rows.values())
    for name in ("lora", "block_expansion"):
        assert rows[name][1] > new + 5  # 83.24, 83.80 and 69.83
        assert rows["full"][3] < rows[name][3] <= before
    assert [row[0] for row in rows.values()] == [325, 4_421, 50_309, 204_677]


def test_features_survive_both_phases_of_smkd(tmp_path):
    table = tour("smkd", tmp_path)
    accuracy = {row: numbers(row, table)[0] for row in ("before", "ibot", "smkd")}
    assert accuracy["before"] == pytest.approx(39.42, abs=1)
    for phase in ("ibot", "smkd"):  # chance is 20, which a collapse leaves
        assert accuracy["before"] - 6 < accuracy[phase] != accuracy["before"]


def test_another_network_adds_to_a_clip(tmp_path):
    pytest.importorskip("tokenizers", reason="the extra clip")
    table = tour("amu", tmp_path)
    (clip,) = numbers("CLIP, by its texts", table)
    (auxiliary,) = numbers("other network, 8 images each", table)
    (both,) = numbers("both", table)
    assert clip > 20  # 35.65; chance is 10
    assert both > clip + 15  # 68.80
    assert both >= auxiliary  # 66.85
