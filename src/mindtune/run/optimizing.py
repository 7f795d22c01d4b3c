"""From the configuration to the optimiser of a run and what of it is scheduled."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
from mindspore import Parameter

from mindtune.config import OptimConfig
from mindtune.engine.late_start import LateStart
from mindtune.engine.optim import create_optimizer
from mindtune.engine.scheduled import Scheduled, StepParts, half_cosine
from mindtune.engine.step import Optimizer
from mindtune.errors import ConfigError


def build_optimizer(
    config: OptimConfig,
    trained: Sequence[Parameter],
    groups: Sequence[int],
    parts: StepParts,
    updates: int,
) -> tuple[Optimizer, list[Scheduled]]:
    """The optimiser over ``trained``, and its numbers that change from update to update.

    Args:
        config: its options.
        trained: all parameters that a gradient changes.
        groups: learning rate of each by number.
        parts: says which of them start late.
        updates: of the whole run.

    Raises:
        ConfigError: nothing to train, or a weight decay that cannot move.
    """
    create = partial(
        create_optimizer,
        config.name,
        weight_decay=config.weight_decay,
        betas=config.betas,
        eps=config.eps,
        momentum=config.momentum,
        decay_bias_tables=config.decay_bias_tables,
    )
    waiting = {id(parameter) for parameter in parts.late}
    places = [i for i, parameter in enumerate(trained) if id(parameter) in waiting]
    if not places or parts.late_start == 0:
        optimizer: Optimizer = create(trained, groups=groups)
        return optimizer, _decay_schedule(config, optimizer, updates)
    others = [i for i in range(len(trained)) if i not in places]
    on_time, late = (
        create([trained[i] for i in chosen], groups=[groups[i] for i in chosen], prefix=prefix)
        for chosen, prefix in ((others, "optimizer"), (places, "late_optimizer"))
    )
    waits = LateStart(on_time, late, places)
    begun = (np.arange(updates) >= parts.late_start).astype(np.float64)
    return waits, [Scheduled(waits.begun, begun), *_decay_schedule(config, waits, updates)]


def _decay_schedule(config: OptimConfig, optimizer: Optimizer, updates: int) -> list[Scheduled]:
    if config.weight_decay_end is None:
        return []
    if config.weight_decay == 0:
        raise ConfigError(
            "optim.weight_decay: got 0 with weight_decay_end, expected more than 0 to start from"
        )
    values = half_cosine(config.weight_decay, config.weight_decay_end, updates)
    return [Scheduled(optimizer.decay_share, values / config.weight_decay)]
