"""``mindtune models``: the backbones that there are."""

from __future__ import annotations

from argparse import Namespace

from rich.console import Console
from rich.table import Table

from mindtune.cli import Parser
from mindtune.errors import ConfigError


def add_arguments(parser: Parser) -> None:
    parser.add_argument(
        "pattern",
        nargs="?",
        default="*",
        metavar="PATTERN",
        help="only names like 'vit_*_patch16_*' or, without a *, names that hold this word.",
    )


def run(options: Namespace) -> int:
    """Print a row a backbone; 0.

    Raises:
        ConfigError: no name is like the pattern.
    """
    from mindtune.backbones import backbone_entry, list_backbones  # imports MindSpore

    pattern = options.pattern if "*" in options.pattern else f"*{options.pattern}*"
    names = list_backbones(pattern)
    if not names:
        raise ConfigError(
            f"pattern: got {options.pattern!r}, which no backbone is like, expected part of a "
            "name; mindtune models lists all"
        )
    table = Table(caption=f"{len(names)} backbones, for --backbone.name", caption_justify="left")
    for column in ("name", "input", "crop", "mean", "weights from", "paper", "licence"):
        table.add_column(column, overflow="fold", no_wrap=column == "name")
    for name in names:
        about = backbone_entry(name).pretrained
        images = about.preprocessing
        mean = ", ".join(f"{value:.3g}" for value in images.mean)
        crop = f"{images.crop_pct:g} {images.interpolation}"
        sources = ", ".join(about.source_names)
        table.add_row(name, str(images.input_size), crop, mean, sources, about.paper, about.licence)
    Console(markup=False).print(table)
    return 0
