"""``mindtune doctor``: what works on this machine."""

from __future__ import annotations

from argparse import Namespace

from rich.console import Console

from mindtune.cli import Parser
from mindtune.doctor import examine
from mindtune.doctor.report import print_report


def add_arguments(parser: Parser) -> None:
    parser.add_argument(
        "--time_limit",
        type=float,
        default=120.0,
        help="seconds that a device may take to answer, MindSpore's start included.",
    )


def run(options: Namespace) -> int:
    """Print the report; 1 where something that every run needs is broken, else 0."""
    console = Console(highlight=False)
    with console.status("trying the devices and the compiled kernels"):
        sections = examine(options.time_limit)
    return print_report(sections, console)
