"""``mindtune datasets``: the data sets that there are."""

from __future__ import annotations

from argparse import Namespace
from fnmatch import fnmatch

from rich.console import Console
from rich.table import Table

from mindtune.cli import Parser
from mindtune.data.datasets.spec import SPLITS, DatasetSpec
from mindtune.errors import ConfigError


def add_arguments(parser: Parser) -> None:
    parser.add_argument(
        "pattern",
        nargs="?",
        default="*",
        metavar="PATTERN",
        help="only names like 'imagenet*' or, without a *, names and titles that hold this word.",
    )


def run(options: Namespace) -> int:
    """Print a row a data set; 0.

    Raises:
        ConfigError: no name is like the pattern.
    """
    from mindtune.data.datasets import dataset_spec, list_datasets

    word = options.pattern.lower()
    pattern = word if "*" in word else f"*{word}*"
    specs = [dataset_spec(name) for name in list_datasets()]
    found = [s for s in specs if fnmatch(s.name, pattern) or fnmatch(s.title.lower(), pattern)]
    if not found:
        raise ConfigError(
            f"pattern: got {options.pattern!r}, which no data set is like, expected part of a "
            "name; mindtune datasets lists all"
        )
    caption = f"{len(found)} data sets, for --data.name; they lie in --data.root"
    table = Table(caption=caption, caption_justify="left")
    table.add_column("name", no_wrap=True)
    table.add_column("what", overflow="fold")
    table.add_column("classes", justify="right")
    for split in SPLITS:
        table.add_column(split, justify="right")
    table.add_column("source and licence", overflow="fold")
    for spec in found:
        counts = [_count(spec, split) for split in SPLITS]
        table.add_row(spec.name, spec.title, _classes(spec), *counts, spec.source)
    Console(markup=False).print(table)
    return 0


def _classes(spec: DatasetSpec) -> str:
    if spec.split_classes:
        return " / ".join(str(count) for count in spec.split_classes.values())
    return "as the folder" if spec.num_classes is None else f"{spec.num_classes:,}"


def _count(spec: DatasetSpec, split: str) -> str:
    """Images of a split; yes where it is there and nobody counts, or nothing."""
    if split not in spec.splits:
        return ""
    return f"{spec.counts[split]:,}" if split in spec.counts else "yes"
