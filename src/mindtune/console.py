"""The command ``mindtune``: a table of sub-commands."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from mindtune import cli, commands
from mindtune.errors import ConfigError, nearest
from mindtune.version import __version__

# Those that train.py, eval.py and export.py run too.
ENTRY_POINTS = {"train": commands.train, "eval": commands.evaluate, "export": commands.export}
# Each of the others is a module of mindtune.console_commands, with ``add_arguments(parser)`` and
# ``run(options) -> exit code``; it is imported when it is asked for.
SUB_COMMANDS = {
    "train": "Tune a pre-trained model on images, into a run folder.",
    "eval": "Measure a run or a weight file: accuracy, k-NN, few-shot and more.",
    "export": "Write a run's network as one file to serve, MINDIR or ONNX.",
    "predict": "Say what is in images.",
    "report": "Write a run's page with its figures, or compare several runs.",
    "models": "List the backbones, and how their images are prepared.",
    "datasets": "List the data sets, with their sizes and sources.",
    "weights": "Say what a weight file is, and which backbone it fits.",
    "attention": "Draw what the class token of a ViT looks at in images.",
    "doctor": "Report what works on this machine, and how to mend what does not.",
}
_EXAMPLES = (
    "mindtune train --smoke --out runs/first      a first run, in seconds, without data",
    "mindtune eval --pretrained runs/first        its accuracy",
    "mindtune report runs/first                   its page, runs/first/report.html",
    "mindtune predict photo.jpg --pretrained RUN  what a finished run sees in a photograph",
)


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
    words = list(argv[1:])
    if name in ENTRY_POINTS:
        ENTRY_POINTS[name](words, commands.Program(f"mindtune {name}", (name,)))
        return 0
    module = import_module(f"mindtune.console_commands.{name}")
    parser = cli.Parser(prog=f"mindtune {name}", description=SUB_COMMANDS[name], allow_abbrev=False)
    module.add_arguments(parser)
    return module.run(parser.parse_args(words))


def _help() -> str:
    width = max(map(len, SUB_COMMANDS))
    lines = (f"  {name:{width}}  {summary}" for name, summary in SUB_COMMANDS.items())
    return "\n".join(
        [
            "usage: mindtune SUB_COMMAND [OPTIONS]",
            "",
            "Tune pre-trained vision models in MindSpore.",
            "",
            *lines,
            "",
            "examples:",
            *(f"  {example}" for example in _EXAMPLES),
            "",
            "mindtune SUB_COMMAND --help explains its options. train, eval and export are also",
            "train.py, eval.py and export.py of the sources.",
        ]
    )
