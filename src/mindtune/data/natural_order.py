"""Order of names in which 'class2' comes before 'class10'."""

from __future__ import annotations

import re

_DIGITS = re.compile(r"([0-9]+)")


def natural_order(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """Sort key: runs of digits compare as numbers, the rest as lower-case text.

    The name itself breaks ties ('a1' and 'A01'), so that the order never depends on the disk.
    """
    parts = _DIGITS.split(name.lower())
    # split() with a group alternates text, digits, text, ...: kinds never meet at one position
    key = [(1, int(part), "") if i % 2 else (0, 0, part) for i, part in enumerate(parts)]
    return key, name
