"""Text files that list a data set: lines of ``key value``, or of one entry each."""

from __future__ import annotations

from pathlib import Path

from mindtune.errors import DataError


def read_lines(path: Path) -> list[str]:
    """The lines of a file without outer spaces; those that are empty then are left out.

    Raises:
        DataError: the file is not text.
    """
    return [line for _, line in _numbered_lines(path)]


def read_table(path: Path) -> dict[str, str]:
    """Key to value (the rest of the line), in the order of the file.

    A key ends at the first tab, in a line without one at the first space.

    Raises:
        DataError: the file is not text, or a line is no such pair or repeats a key.
    """
    table: dict[str, str] = {}
    for number, line in _numbered_lines(path):
        key, _, value = line.partition("\t" if "\t" in line else " ")
        if not value or key in table:
            raise DataError(
                f"{path}, line {number}: got {line!r}, expected 'key value' with a new key; "
                "half-unpacked or edited? unpack its archive again"
            )
        table[key] = value.strip()
    return table


def _numbered_lines(path: Path) -> list[tuple[int, str]]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as text ({error}); unpack it again") from error
    stripped = ((number, line.strip()) for number, line in enumerate(lines, start=1))
    return [(number, line) for number, line in stripped if line]
