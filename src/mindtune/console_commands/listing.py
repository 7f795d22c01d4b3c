"""What the sub-commands that list things by name share; no sub-command itself."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from mindtune.cli import Parser
from mindtune.errors import ConfigError


def add_pattern(parser: Parser, example: str, searched: str) -> None:
    """The argument that chooses among the names."""
    parser.add_argument(
        "pattern",
        nargs="?",
        default="*",
        metavar="PATTERN",
        help=f"only names like '{example}' or, without a *, {searched} that hold this word.",
    )


def shell_pattern(word: str) -> str:
    """A word without a * stands for every name that holds it."""
    return word if "*" in word else f"*{word}*"


def print_listing(
    kind: str, note: str, pattern: str, headings: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    """A row a thing, its name first and whole; headings that start with > are of numbers.

    Args:
        kind: of thing, in the singular.
        note: what stands under the table after how many there are.
        pattern: by which the rows were found.
        headings: of the columns.
        rows: cells, in the order of the headings.

    Raises:
        ConfigError: no row.
    """
    if not rows:
        raise ConfigError(
            f"pattern: got {pattern!r}, which no {kind} is like, expected part of a name; "
            f"mindtune {kind.replace(' ', '')}s lists all"
        )
    plural = f"{kind}s" if len(rows) > 1 else kind
    table = Table(caption=f"{len(rows)} {plural}, {note}", caption_justify="left")
    for number, heading in enumerate(headings):
        table.add_column(
            heading.lstrip(">"),
            justify="right" if heading.startswith(">") else "left",
            overflow="fold",
            no_wrap=number == 0,
        )
    for row in rows:
        table.add_row(*row)
    Console(markup=False).print(table)
