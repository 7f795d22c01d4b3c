"""The entry points: ``train.py``, ``eval.py`` and ``export.py`` each call one function here."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mindtune import cli
from mindtune.config import EvaluateConfig, ExportConfig, RunConfig
from mindtune.configuring import refuse_training_options, stored_defaults
from mindtune.engine.distributed.prepare import prepare_rank
from mindtune.engine.distributed.restarting import run_with_restarts

# MindSpore takes a second to import; --help and a mistyped key should not wait for it.


@dataclass(frozen=True)
class Program:
    """How a command was started.

    Attributes:
        name: as it was typed.
        words: what stands before the options where this process starts the same again.
    """

    name: str
    words: tuple[str, ...] = ()


TRAIN, EVALUATE, EXPORT = (Program(f"python {file}.py") for file in ("train", "eval", "export"))


def train(argv: Sequence[str], program: Program = TRAIN) -> None:
    """``train.py`` and ``mindtune train``: train one run into its folder."""
    parser = cli.make_parser(RunConfig, program.name, "Tune a pre-trained vision model.")
    config = cli.parse(parser, RunConfig, argv, {})
    recipe = cli.option_value(argv, "--config", "--swin_config")
    if config.launcher is not None or config.restart_on_failure > 0:
        from mindtune.run.run_folder import last_checkpoint

        restarts = config.restart_on_failure
        words = [*program.words, *argv]
        run_with_restarts(words, config.launcher, restarts, last_checkpoint(config, recipe))
        return
    prepare_rank()
    from mindtune.run.run_folder import folder_of
    from mindtune.training import train as run_training

    command = f"{program.name} {shlex.join(argv)}"
    run_training(config, folder_of(config, recipe), command=command)


def evaluate(argv: Sequence[str], program: Program = EVALUATE) -> None:
    """``eval.py`` and ``mindtune eval``: evaluate a run folder or a weight file.

    ``--throughput`` is a protocol too.
    """
    argv = [f"--protocol={word[2:]}" if word == "--throughput" else word for word in argv]
    refuse_training_options(argv)
    parser = cli.make_parser(EvaluateConfig, program.name, "Evaluate trained weights.")
    prepare_rank()
    config = cli.parse(parser, EvaluateConfig, argv, stored_defaults(argv))
    from mindtune.evaluating import evaluate as run_evaluation

    command = shlex.join(["python", "eval.py", *argv])
    run_evaluation(config, _output_folder(config), command=command)


def export(argv: Sequence[str], program: Program = EXPORT) -> None:
    """``export.py`` and ``mindtune export``: write a run's network as MINDIR or ONNX."""
    refuse_training_options(argv)
    parser = cli.make_parser(ExportConfig, program.name, "Export trained weights.")
    config = cli.parse(parser, ExportConfig, argv, stored_defaults(argv))
    from mindtune.exporting import export as run_export

    name = f"model.{config.file_format.lower()}"
    run_export(config, Path(config.file) if config.file else _output_folder(config) / name)


def _output_folder(config: RunConfig) -> Path:
    """``--out``, the run folder that the weights are in, or runs/eval-NAME for a foreign file."""
    if config.out is not None:
        return Path(config.out)
    given = Path(config.pretrained or "")
    if (given / "config.yaml").is_file():
        return given
    if given.parent.name == "checkpoints":
        return given.parent.parent
    return Path("runs") / f"eval-{given.name.split('.')[0] or 'none'}"
