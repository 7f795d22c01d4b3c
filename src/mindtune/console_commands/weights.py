"""``mindtune weights``: what a weight file is."""

from __future__ import annotations

from argparse import Namespace

from mindtune.cli import Parser


def add_arguments(parser: Parser) -> None:
    parser.add_argument("file", help="weight file, run folder or Hugging Face folder.")
    parser.add_argument("--pretrained_key", help="which network of a training checkpoint.")
    parser.add_argument("--all", action="store_true", help="list every tensor, not the first few.")


def run(options: Namespace) -> int:
    """Print the description; 0.

    Raises:
        UserError: the file cannot be read.
    """
    from mindtune.weights_report import describe  # MindSpore takes a second to import

    print("\n".join(describe(options.file, options.pretrained_key, options.all)))
    return 0
