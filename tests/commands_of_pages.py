"""Command lines as README.md and docs/ show them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
GENERATED = ("results", "recipes")
PAGES = [ROOT / "README.md", *(p for p in ROOT.glob("docs/*.md") if p.stem not in GENERATED)]
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:^    (?![*$-]).*\n)+", re.MULTILINE)
_IN_TEXT = re.compile(r"`((?:python|bash|mindtune|eval\.py|train\.py|export\.py) [^`]*)`")
_PROGRAM = re.compile(
    r"(?:python )?(?P<entry>train|eval|export)\.py(?=\s|$)"
    r"|mindtune (?P<sub>\w+)"
    r"|(?:python|bash) (?P<script>(?:scripts|benchmarks)/\w+\.\w+)"
)


def commands_of(page: Path) -> Iterator[tuple[str, list[str]]]:
    """(program, options): program is train, eval, export, ``mindtune SUB`` or a script's path.

    What stands before the program (mpirun and its options) is left out; so are comments.
    """
    for line in _lines_of(page.read_text(encoding="utf-8")):
        found = _PROGRAM.search(line)
        if found is None:
            continue
        program = found["entry"] or found["script"] or f"mindtune {found['sub']}"
        entry = found["sub"] in ("train", "eval", "export")
        words = shlex.split(line[found.end() :], comments=True)
        yield found["sub"] if entry else program, _without_dots(words)


def _without_dots(words: list[str]) -> list[str]:
    """``...`` for further options goes, for an option's value it stays."""
    before = ["", *words]
    return [w for w, b in zip(words, before) if w != "..." or b.startswith("--")]


def _lines_of(text: str) -> Iterator[str]:
    """Lines of code blocks, those that go on after a backslash in one; and code in the text."""
    blocks = [code for language, code in _FENCE.findall(text) if language != "python"]
    prose = _FENCE.sub("", text)
    for block in [*blocks, *_INDENTED.findall(prose)]:
        yield from (line.strip() for line in block.replace("\\\n", " ").splitlines())
    yield from (code.replace("\n", " ") for code in _IN_TEXT.findall(prose))
