"""The entry points: ``train.py``, ``eval.py`` and ``export.py`` each call one function here."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mindtune import cli
from mindtune.config import EvaluateConfig, ExportConfig, RunConfig, flatten
from mindtune.engine.distributed.prepare import prepare_rank
from mindtune.engine.distributed.restarting import run_with_restarts
from mindtune.errors import ConfigError

# MindSpore takes a second to import; --help and a mistyped key should not wait for it.

_RUN_ONLY = (
    "pretrained", "pretrained_key", "adapter", "out", "resume", "overwrite", "launcher",
    "restart_on_failure", "knn.cache", "text.cache", "amu.cache",
)  # fmt: skip
_TRAINING_ONLY = (
    "epochs", "steps", "accumulate", "recompute", "max_steps", "ema_decay", "checkpoint_every",
    "log_every", "tensorboard", "resume", "overwrite", "launcher", "restart_on_failure", "augment",
    "optim", "schedule", "head.reset", "evaluation.every", "evaluation.every_steps", "forgetting",
    "method", "teacher", "distillation", "contrastive", "amu.fused_share", "amu.start",
    "amu.start_views", "amu.cache_views", "amu.search",
)  # fmt: skip
_OF_FEW_SHOTS = (  # of these, what protocol few_shot_clip trains with
    "augment", "amu.fused_share", "amu.start", "amu.start_views", "amu.cache_views",
)  # fmt: skip
_OF_ONE_DATA_SET = ("data.root", "data.classes")  # what another --data.name does not take over


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
        from mindtune.run_folder import last_checkpoint

        restarts = config.restart_on_failure
        words = [*program.words, *argv]
        run_with_restarts(words, config.launcher, restarts, last_checkpoint(config, recipe))
        return
    prepare_rank()
    from mindtune.run_folder import folder_of
    from mindtune.training import train as run_training

    command = f"{program.name} {shlex.join(argv)}"
    run_training(config, folder_of(config, recipe), command=command)


def evaluate(argv: Sequence[str], program: Program = EVALUATE) -> None:
    """``eval.py`` and ``mindtune eval``: evaluate a run folder or a weight file.

    ``--throughput`` is a protocol too.
    """
    argv = [f"--protocol={word[2:]}" if word == "--throughput" else word for word in argv]
    _refuse_training_options(argv)
    parser = cli.make_parser(EvaluateConfig, program.name, "Evaluate trained weights.")
    prepare_rank()
    config = cli.parse(parser, EvaluateConfig, argv, _stored_defaults(argv))
    from mindtune.evaluating import evaluate as run_evaluation

    command = shlex.join(["python", "eval.py", *argv])
    run_evaluation(config, _output_folder(config), command=command)


def export(argv: Sequence[str], program: Program = EXPORT) -> None:
    """``export.py`` and ``mindtune export``: write a run's network as MINDIR or ONNX."""
    _refuse_training_options(argv)
    parser = cli.make_parser(ExportConfig, program.name, "Export trained weights.")
    config = cli.parse(parser, ExportConfig, argv, _stored_defaults(argv))
    from mindtune.exporting import export as run_export

    name = f"model.{config.file_format.lower()}"
    run_export(config, Path(config.file) if config.file else _output_folder(config) / name)


def _refuse_training_options(argv: Sequence[str]) -> None:
    """An option without influence would be silently ignored; in a recipe's file it may stand."""
    trains = cli.option_value(argv, "--protocol") == "few_shot_clip"
    refused = [k for k in _TRAINING_ONLY if not (trains and k in _OF_FEW_SHOTS)]
    for word in argv:
        option = word[2:].split("=", 1)[0]
        if word.startswith("--") and any(f"{option}.".startswith(f"{k}.") for k in refused):
            raise ConfigError(
                f"{option}: acts on training only, expected an option that acts here; leave it out"
            )


def _stored_defaults(argv: Sequence[str]) -> dict[str, Any]:
    """The configuration which a run folder or one of its checkpoints carries, as dotted keys.

    It stands below ``--config`` and the options. Files of other tools carry none.
    """
    given = cli.option_value(argv, "--pretrained")
    if given is None:
        return {}
    path = Path(given)
    stored = _config_of_folder(path) if path.is_dir() else _config_of_file(path)
    described = cli.option_value(argv, "--config", "--swin_config", "--backbone.name")
    if not stored and described is None and path.exists():
        raise ConfigError(
            f"config: {path} carries no configuration, expected --config RECIPE.yaml or "
            "--backbone.name beside it"
        )
    defaults = {key: value for key, value in flatten(stored).items() if key not in _RUN_ONLY}
    name = cli.option_value(argv, "--data.name")
    if name is not None and name != defaults.get("data.name"):
        for key in _OF_ONE_DATA_SET:
            defaults.pop(key, None)
    return defaults


def _config_of_folder(folder: Path) -> dict[str, Any]:
    file = folder / "config.yaml"
    return cli.read_yaml(file) if file.is_file() else {}


def _config_of_file(file: Path) -> dict[str, Any]:
    from mindtune.engine.checkpoint import read_header

    if file.suffix != ".safetensors" or not file.is_file():
        return {}
    return read_header(file).get("config", {})


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
