"""scripts/recipes_page.py and the page it made."""

from __future__ import annotations

from pathlib import Path

from kept_results import script

ROOT = Path(__file__).parents[2]


def test_the_page_is_what_the_headers_say(tmp_path: Path) -> None:
    page = tmp_path / "recipes.md"
    done = script("recipes_page.py", page)
    assert (done.returncode, done.stderr) == (0, "")
    assert page.read_bytes() == (ROOT / "docs" / "recipes.md").read_bytes()


def test_the_page_has_every_recipe_with_both_numbers() -> None:
    lines = (ROOT / "docs" / "recipes.md").read_text().splitlines()
    rows = {
        cells[1].strip(" `"): cells[2:5] for line in lines if len(cells := line.split("|")) == 6
    }
    assert rows.keys() >= {path.stem for path in ROOT.glob("configs/**/*.yaml")}
    assert all(text.strip() for cells in rows.values() for text in cells)
    what, paper, ours = rows["vit_b16_cub200_mp"]
    assert "CUB-200-2011" in what
    assert paper.strip() == "89.3 % top-1 on test (three runs: 89.18, 89.30, 89.39)"
    assert ours.strip() == "not yet run"


def test_a_second_argument_is_refused(tmp_path: Path) -> None:
    done = script("recipes_page.py", tmp_path / "one.md", tmp_path / "two.md")
    assert done.returncode == 2
    assert "got 2, expected [PAGE.md]" in done.stderr
    assert not list(tmp_path.iterdir())
