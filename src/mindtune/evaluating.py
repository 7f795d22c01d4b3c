"""Evaluate trained weights by one of the protocols, and write what was found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console

from mindtune.adapter import read_weights
from mindtune.config import (
    RANDOM_WEIGHTS,
    EvaluateConfig,
    FewShotClipConfig,
    FewShotConfig,
    TextConfig,
)
from mindtune.config.checks import check_config
from mindtune.engine.distributed.world import init
from mindtune.engine.log import console_of
from mindtune.environment import versions
from mindtune.errors import ConfigError
from mindtune.files import write_atomically
from mindtune.pretrained import Pretrained
from mindtune.protocols.evaluation import Evaluation
from mindtune.protocols.table import OF_RANDOM_WEIGHTS, PROTOCOLS, WITHOUT_WEIGHTS
from mindtune.report.page import offer_report
from mindtune.run import rank_checks


def evaluate(
    config: EvaluateConfig, folder: Path | str, console: Console | None = None, command: str = ""
) -> dict[str, Any]:
    """Evaluate ``config.pretrained``; results go to ``folder`` as JSON and per-class CSV.

    Numbers are float32 whatever the run trained in. ``command`` is how the evaluation was started,
    kept in its result for whoever wants to repeat it.

    Raises:
        UserError: weights, data and configuration do not fit each other.
    """
    folder = Path(folder)
    check_config(config)
    _refuse_options_of_other_protocols(config)
    pretrained = _weights_to_judge(config)
    world = init(config.device_target, config.seed, config.distributed.timeout)
    rank_checks.check_same_config(world, config)
    console = console or console_of(world.rank, world.size)
    evaluation = Evaluation(config, pretrained, folder, world, console)
    name, found = PROTOCOLS[config.protocol](evaluation)
    result = {
        "command": command,
        "protocol": config.protocol,
        "weights": config.pretrained if pretrained is None else str(pretrained.path),
        "pretrained_key": config.pretrained_key,
        "precision": "fp32",
        "ranks": world.size,
        **found,
        "versions": versions(),
    }
    if world.is_main:
        write_atomically(folder / f"eval_{name}.json", json.dumps(result, indent=2).encode())
    shown = {k: v for k, v in found["metrics"].items() if isinstance(v, (int, float))}
    console.print(
        f"{name}: " + ", ".join(f"{k} {v:.4f}" for k, v in shown.items()), highlight=False
    )
    console.print(f"written to {folder / f'eval_{name}.json'}", highlight=False)
    if world.is_main:
        offer_report(folder, evaluation.say)
    return result


def _refuse_options_of_other_protocols(config: EvaluateConfig) -> None:
    for key, protocols, methods, defaults in (
        ("few_shot", ("few_shot",), (), FewShotConfig()),
        ("few_shot_clip", ("few_shot_clip",), (), FewShotClipConfig()),
        ("text", ("zero_shot", "few_shot_clip"), ("amu", "contrastive"), TextConfig()),
    ):
        acts = config.protocol in protocols or config.method in methods
        if not acts and getattr(config, key) != defaults:
            raise ConfigError(
                f"{key}: acts on protocol {' and '.join(protocols)} only, got {config.protocol}; "
                "leave its options out"
            )


def _weights_to_judge(config: EvaluateConfig) -> Pretrained | None:
    """None where the protocol needs none, or judges random ones."""
    if config.pretrained == RANDOM_WEIGHTS:
        _check_random_weights(config)
        return None
    if config.pretrained is not None:
        return read_weights(config)
    if config.protocol not in WITHOUT_WEIGHTS:
        raise ConfigError("pretrained: got nothing, expected --pretrained RUN_FOLDER or FILE")
    return None


def _check_random_weights(config: EvaluateConfig) -> None:
    if config.protocol not in OF_RANDOM_WEIGHTS:
        raise ConfigError(
            f"pretrained: got {RANDOM_WEIGHTS} with protocol {config.protocol}, expected "
            f"--pretrained RUN_FOLDER or FILE; {', '.join(OF_RANDOM_WEIGHTS)} judges random weights"
        )
    for key in ("pretrained_key", "adapter"):
        if getattr(config, key) is not None:
            raise ConfigError(
                f"{key}: got {getattr(config, key)} with pretrained {RANDOM_WEIGHTS}, which is no "
                "file; leave it out"
            )
