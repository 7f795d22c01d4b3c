"""``mindtune datasets``: the data sets that there are."""

from __future__ import annotations

from argparse import Namespace
from fnmatch import fnmatch

from mindtune.cli import Parser
from mindtune.console_commands.listing import add_pattern, print_listing, shell_pattern
from mindtune.data.datasets.spec import SPLITS, DatasetSpec

_HEADINGS = ("name", "what", ">classes", *(f">{split}" for split in SPLITS), "source and licence")


def add_arguments(parser: Parser) -> None:
    add_pattern(parser, "imagenet*", "names and titles")


def run(options: Namespace) -> int:
    """Print a row a data set; 0.

    Raises:
        ConfigError: no name is like the pattern.
    """
    from mindtune.data.datasets import dataset_spec, list_datasets

    pattern = shell_pattern(options.pattern.lower())
    specs = [dataset_spec(name) for name in list_datasets()]
    found = [s for s in specs if fnmatch(s.name, pattern) or fnmatch(s.title.lower(), pattern)]
    note = "for --data.name; they lie in --data.root"
    print_listing("data set", note, options.pattern, _HEADINGS, [_row(spec) for spec in found])
    return 0


def _row(spec: DatasetSpec) -> list[str]:
    counts = [_count(spec, split) for split in SPLITS]
    return [spec.name, spec.title, _classes(spec), *counts, spec.source]


def _classes(spec: DatasetSpec) -> str:
    if spec.split_classes:
        return " / ".join(str(count) for count in spec.split_classes.values())
    return "as the folder" if spec.num_classes is None else f"{spec.num_classes:,}"


def _count(spec: DatasetSpec, split: str) -> str:
    """Images of a split; yes where it is there and nobody counts, or nothing."""
    if split not in spec.splits:
        return ""
    return f"{spec.counts[split]:,}" if split in spec.counts else "yes"
