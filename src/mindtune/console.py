"""The command ``mindtune``: a table of sub-commands."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from mindtune import cli
from mindtune.errors import ConfigError, nearest
from mindtune.version import __version__

# Each is a module of mindtune.console_commands, with ``add_arguments(parser)`` and
# ``run(options) -> exit code``; it is imported when it is asked for.
SUB_COMMANDS = {
    "attention": "Draw what the class token of a ViT looks at in images.",
    "doctor": "Report what works on this machine, and how to mend what does not.",
    "weights": "Say what a weight file is, and which backbone it fits.",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the sub-command that the first word names; its exit code."""
    return cli.run(run_sub_command, argv)


def run_sub_command(argv: Sequence[str]) -> int:
    """What ``mindtune WORD ...`` does.

    Raises:
        ConfigError: there is no such sub-command, or it has no such option.
    """
    name = argv[0] if argv else "--help"
    if name in ("-h", "--help"):
        print(_help())
        return 0
    if name == "--version":
        print(f"mindtune {__version__}")
        return 0
    if name not in SUB_COMMANDS:
        raise ConfigError(
            f"mindtune: got {name!r}, expected a sub-command{nearest(name, SUB_COMMANDS)}"
        )
    module = import_module(f"mindtune.console_commands.{name}")
    parser = cli.Parser(prog=f"mindtune {name}", description=SUB_COMMANDS[name], allow_abbrev=False)
    module.add_arguments(parser)
    return module.run(parser.parse_args(list(argv[1:])))


def _help() -> str:
    width = max(map(len, SUB_COMMANDS))
    lines = (f"  {name:{width}}  {summary}" for name, summary in SUB_COMMANDS.items())
    return "\n".join(
        [
            "usage: mindtune SUB_COMMAND [--help] [--version]",
            "",
            *lines,
            "",
            "mindtune SUB_COMMAND --help lists its options. Training, evaluation and export are",
            "train.py, eval.py and export.py.",
        ]
    )
