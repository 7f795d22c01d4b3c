"""The configuration that a recipe, keys and the weights which they start from make together."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from mindtune import cli
from mindtune.config import RunConfig, flatten
from mindtune.errors import ConfigError

Config = TypeVar("Config", bound=RunConfig)

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


def configure(
    kind: type[Config],
    recipe: str | Path | None = None,
    *,
    smoke: bool = False,
    **keys: Any,
) -> Config:
    """What the command line of ``kind`` would be made of, for use from Python.

    ``configure(RunConfig, "recipe.yaml", epochs=3, optim={"lr": 1e-3})`` is what ``train.py
    --config recipe.yaml --epochs 3 --optim.lr 1e-3`` runs. An ``EvaluateConfig`` or
    ``ExportConfig`` has the settings of the run that ``pretrained`` is below those given.

    Args:
        kind: ``RunConfig``, ``EvaluateConfig`` or ``ExportConfig``.
        recipe: YAML file of keys.
        smoke: make it tiny, as ``--smoke`` does.
        keys: over those of the recipe; a group is a mapping, as in a recipe.

    Raises:
        ConfigError: an unknown key, a wrong type, or a recipe that cannot be read.
    """
    words = [] if recipe is None else [f"--config={recipe}"]
    words += [f"--{key}={_word(value)}" for key, value in flatten(keys).items()]
    words += ["--smoke"] if smoke else []
    defaults: dict[str, Any] = {}
    if kind is not RunConfig:
        refuse_training_options(words)
        defaults = stored_defaults(words)
    return cli.parse(cli.make_parser(kind, "configure", ""), kind, words, defaults)


def _word(value: Any) -> str:
    """A value as a command line gives it."""
    return str(value) if isinstance(value, (str, Path)) else json.dumps(value, default=str)


def refuse_training_options(argv: Sequence[str]) -> None:
    """An option without influence would be silently ignored; in a recipe's file it may stand."""
    trains = cli.option_value(argv, "--protocol") == "few_shot_clip"
    refused = [k for k in _TRAINING_ONLY if not (trains and k in _OF_FEW_SHOTS)]
    for word in argv:
        option = word[2:].split("=", 1)[0]
        if word.startswith("--") and any(f"{option}.".startswith(f"{k}.") for k in refused):
            raise ConfigError(
                f"{option}: acts on training only, expected an option that acts here; leave it out"
            )


def stored_defaults(argv: Sequence[str]) -> dict[str, Any]:
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
        _check_holds_weights(path)
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


def _check_holds_weights(path: Path) -> None:
    """Refuse a folder of no run, which a configuration would not help.

    Raises:
        CheckpointError: it is one.
    """
    from mindtune.run.run_folder import weight_file

    weight_file(path)


def _config_of_folder(folder: Path) -> dict[str, Any]:
    file = folder / "config.yaml"
    return cli.read_yaml(file) if file.is_file() else {}


def _config_of_file(file: Path) -> dict[str, Any]:
    from mindtune.engine.checkpoint import read_header

    if file.suffix != ".safetensors" or not file.is_file():
        return {}
    return read_header(file).get("config", {})
