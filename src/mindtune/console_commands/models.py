"""``mindtune models``: the backbones that there are."""

from __future__ import annotations

from argparse import Namespace

from mindtune.cli import Parser
from mindtune.console_commands.listing import add_pattern, print_listing, shell_pattern

_HEADINGS = ("name", "input", "crop", "mean", "weights from", "paper", "licence")


def add_arguments(parser: Parser) -> None:
    add_pattern(parser, "vit_*_patch16_*", "names")


def run(options: Namespace) -> int:
    """Print a row a backbone; 0.

    Raises:
        ConfigError: no name is like the pattern.
    """
    from mindtune.backbones import list_backbones  # imports MindSpore

    rows = [_row(name) for name in list_backbones(shell_pattern(options.pattern))]
    print_listing("model", "for --backbone.name", options.pattern, _HEADINGS, rows)
    return 0


def _row(name: str) -> list[str]:
    from mindtune.backbones import backbone_entry

    about = backbone_entry(name).pretrained
    images = about.preprocessing
    mean = ", ".join(f"{value:.3g}" for value in images.mean)
    crop = f"{images.crop_pct:g} {images.interpolation}"
    sources = ", ".join(about.source_names)
    return [name, str(images.input_size), crop, mean, sources, about.paper, about.licence]
