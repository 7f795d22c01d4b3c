"""Length and learning rates of a run, from its configuration."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mindtune.config import RunConfig
from mindtune.engine.plan import EpochPlan, StepPlan
from mindtune.engine.schedules import learning_rates, step_learning_rates
from mindtune.errors import ConfigError

_DEFAULT_EPOCHS = 30


def build_plan(
    config: RunConfig, num_batches: int, train_images: int, images_per_step: int
) -> EpochPlan | StepPlan:
    """The plan of a run whose epoch holds ``num_batches`` batches and ``train_images`` images.

    Raises:
        ConfigError: an update takes more batches than an epoch has.
    """
    updates = _updates_per_epoch(config, num_batches)
    if config.steps is not None:
        every = config.evaluation.every_steps or config.evaluation.every * updates
        return StepPlan(config.steps, every, train_images, images_per_step)
    return EpochPlan(
        epochs=epochs_of(config, num_batches),
        steps_per_epoch=updates,
        evaluate_every=config.evaluation.every,
        images_per_epoch=updates * images_per_step if config.max_steps else train_images,
        images_per_step=images_per_step,
    )


def epochs_of(config: RunConfig, num_batches: int) -> int:
    """Epochs that a run begins, cool-down included; an epoch holds ``num_batches`` batches."""
    if config.steps is not None:
        return -(-config.steps // max(num_batches // config.accumulate, 1))
    return (config.epochs or _DEFAULT_EPOCHS) + config.schedule.cooldown_epochs


def scheduled_rates(
    config: RunConfig, plan: EpochPlan | StepPlan, factor: float, scale: float = 1.0
) -> np.ndarray:
    """Learning rate of every update of ``plan``, all rates times ``factor``, the peak ``scale``.

    Raises:
        ConfigError: a warm-up longer than the run.
    """
    schedule, lr = config.schedule, scale * factor * config.optim.lr
    scaled = replace(
        schedule, warmup_lr=factor * schedule.warmup_lr, min_lr=factor * schedule.min_lr
    )
    if isinstance(plan, StepPlan):
        warmup = scaled.warmup_steps or 0
        return step_learning_rates(
            scaled.name, lr, plan.steps, warmup, scaled.warmup_lr, scaled.min_lr, scaled.lag
        )
    return learning_rates(
        lr=lr,
        epochs=plan.epochs - schedule.cooldown_epochs,
        steps_per_epoch=plan.steps_per_epoch,
        **vars(scaled),
    )


def _updates_per_epoch(config: RunConfig, num_batches: int) -> int:
    updates = num_batches // config.accumulate
    if updates < 1:
        raise ConfigError(
            f"accumulate: got {config.accumulate} batches an update, expected at most the "
            f"{num_batches} batches of an epoch; lower --accumulate or --batch_size"
        )
    return min(updates, config.max_steps or updates)
