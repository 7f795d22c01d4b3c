"""``mindtune report``: the page of a run, or of several side by side."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from mindtune.cli import Parser
from mindtune.errors import ConfigError


def add_arguments(parser: Parser) -> None:
    parser.add_argument("runs", nargs="+", metavar="RUN", help="folders of train.py or eval.py.")
    parser.add_argument(
        "--out",
        help="where several runs are compared; default: comparison.html, here.",
    )


def run(options: Namespace) -> int:
    """Write report.html into each folder, and a comparison of several; 0.

    Raises:
        UserError: jinja2 is missing, or a folder is none of this package.
    """
    from mindtune.report.page import write_comparison, write_report

    folders = [Path(folder) for folder in options.runs]
    if options.out is not None and len(folders) < 2:
        raise ConfigError(
            "out: acts on several runs, which are compared there, got one, whose page is its "
            "report.html; leave it out"
        )
    for folder in folders:
        print(write_report(folder))
    if len(folders) > 1:
        out = Path(options.out or "comparison.html")
        write_comparison(folders, out)
        print(out)
    return 0
