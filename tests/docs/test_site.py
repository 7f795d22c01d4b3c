"""The documentation builds as a site, without a warning, and reads without a network."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(ROOT.glob("docs/**/*.md"))
IN_CODE = re.compile(r"`([\w./-]+)`")
OF_THE_REPOSITORY = re.compile(
    r"(docs|src|configs|scripts|benchmarks|tests|examples|results|weights)/"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built as scripts/docs.sh does."""
    pytest.importorskip("material")
    pytest.importorskip("mkdocstrings")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr  # a broken link, a page without a place in nav
    return folder


def test_every_page_is_built(site: Path) -> None:
    built = {path.relative_to(site).with_suffix("") for path in site.glob("**/*.html")}
    assert built >= {page.relative_to(ROOT / "docs").with_suffix("") for page in PAGES}


def test_no_list_or_table_was_read_as_text(site: Path) -> None:
    swallowed = re.compile(r"^(?:<p>)?(?:[*|] |\d+\. |```)", re.MULTILINE)
    code = re.compile(r"<(pre|script|style)\b.*?</\1>", re.DOTALL)
    pages = {path.name: code.sub("", path.read_text()) for path in site.glob("**/*.html")}
    assert [name for name, page in pages.items() if swallowed.search(page)] == []


def test_equations_are_drawn_and_nothing_is_fetched(site: Path) -> None:
    page = (site / "moment_probing.html").read_text()
    assert page.count("<math") >= 3
    assert "arithmatex" not in page
    for path in site.glob("**/*.html"):
        page = path.read_text()
        fetched = re.findall(r'<(?:script|img|link)[^>]* (?:src|href)="(https?:[^"]*)"', page)
        assert fetched == []


def test_the_reference_is_made_of_docstrings(site: Path) -> None:
    page = (site / "api" / "backbones.html").read_text()
    assert 'id="mindtune.backbones.registry.create_backbone"' in page
    assert "Build a backbone with random weights" in page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_files_named_in_code_exist(page: Path) -> None:
    """Files outside docs/ are named in code, by their path from the root."""
    named = [name for name in IN_CODE.findall(page.read_text()) if OF_THE_REPOSITORY.match(name)]
    assert [name for name in named if not list(ROOT.glob(name))] == []
