"""Text files of ``key value`` lines, as bird data sets use them."""

from __future__ import annotations

from pathlib import Path

from mindtune.errors import DataError


def read_table(path: Path) -> dict[str, str]:
    """Key to value (the rest of the line), in the order of the file.

    A key ends at the first tab, in a line without one at the first space.

    Raises:
        DataError: the file is not text, or a line is no such pair or repeats a key.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as text ({error}); unpack it again") from error
    table: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        key, _, value = line.strip().partition("\t" if "\t" in line.strip() else " ")
        if not value or key in table:
            raise DataError(
                f"{path}, line {number}: got {line!r}, expected 'key value' with a new key; "
                "half-unpacked or edited? unpack its archive again"
            )
        table[key] = value.strip()
    return table
