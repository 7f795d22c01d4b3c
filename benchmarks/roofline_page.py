"""The page `roofline.md`: sections by name, each written by its own benchmark."""

from __future__ import annotations

import re
from pathlib import Path

_TITLE = """\
# How close the operators come to what the machine reaches

Each part is written by the script it names: do not edit.
"""


def write_section(page: Path, name: str, text: str) -> None:
    """Put ``text`` in the place of section ``name``, or after the others; they stay as they are."""
    before = page.read_text() if page.exists() else _TITLE
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    section = f"{begin}\n{text.strip()}\n{end}"
    pattern = re.compile(f"{re.escape(begin)}.*{re.escape(end)}", re.DOTALL)
    if pattern.search(before):
        page.write_text(pattern.sub(lambda _: section, before))
    else:
        page.write_text(f"{before.rstrip()}\n\n{section}\n")
