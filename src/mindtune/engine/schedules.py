"""Learning rates, one for each update, computed before training starts."""

from __future__ import annotations

import numpy as np

from mindtune.errors import ConfigError, nearest

SCHEDULES = ("cosine", "authors_cosine", "constant")


def learning_rates(
    name: str,
    lr: float,
    epochs: int,
    steps_per_epoch: int,
    warmup_epochs: float = 0.0,
    warmup_lr: float = 1e-7,
    min_lr: float = 1e-8,
    cooldown_epochs: int = 0,
    warmup_steps: int | None = None,
    lag: int = 0,
) -> np.ndarray:
    """Learning rate of every update, float64 ((epochs + cooldown_epochs) * steps_per_epoch,).

    ``cosine`` and ``constant`` are those of ``step_learning_rates``. ``authors_cosine`` is Moment
    Probing's released schedule: it changes once an epoch, and its cosine counts from epoch 0, so
    the first rate after the warm-up lies below ``lr`` and epoch 0 runs wholly at ``warmup_lr``.
    ``warmup_steps`` takes the place of ``warmup_epochs`` where it is given. Cool-down epochs run
    at ``min_lr`` (``constant``: at ``lr``). Update t has the rate of update t - lag, or of the
    first one.

    Raises:
        ConfigError: unknown name, or a warm-up longer than the run.
    """
    _check_name(name)
    if not 0 <= warmup_epochs < max(epochs, 1):
        raise ConfigError(
            f"schedule.warmup_epochs: got {warmup_epochs}, expected 0 <= value < epochs ({epochs})"
        )
    if name == "authors_cosine":
        epoch = np.arange(epochs, dtype=np.float64)
        rates = np.repeat(
            _authors(epoch, lr, epochs, warmup_epochs, warmup_lr, min_lr), steps_per_epoch
        )
    else:
        warmup = warmup_epochs * steps_per_epoch if warmup_steps is None else warmup_steps
        rates = step_learning_rates(name, lr, epochs * steps_per_epoch, warmup, warmup_lr, min_lr)
    final = lr if name == "constant" else min_lr
    rates = np.concatenate([rates, np.full(cooldown_epochs * steps_per_epoch, final)])
    return _late(rates, lag)


def step_learning_rates(
    name: str,
    lr: float,
    steps: int,
    warmup_steps: float = 0,
    warmup_lr: float = 1e-7,
    min_lr: float = 1e-8,
    lag: int = 0,
) -> np.ndarray:
    """Learning rate of every update, float64 (steps,), of a schedule that counts in updates.

    ``cosine`` rises linearly from ``warmup_lr`` over the warm-up and falls on half a cosine over
    the rest, so that the first update has ``warmup_lr`` and the last lies just above ``min_lr``.
    ``constant`` stays at ``lr`` after the warm-up. ``lag`` is that of ``learning_rates``.

    Raises:
        ConfigError: unknown name or one that counts in epochs, or a warm-up longer than the run.
    """
    _check_name(name)
    if name == "authors_cosine":
        raise ConfigError(
            "schedule.name: got authors_cosine, which changes every epoch, expected cosine or "
            "constant with steps; give the length as epochs instead"
        )
    if not 0 <= warmup_steps < steps:
        raise ConfigError(
            f"schedule.warmup_steps: got {warmup_steps:g}, expected 0 <= value < the {steps} "
            "updates of the run"
        )
    step = np.arange(steps, dtype=np.float64)
    rising = warmup_lr + step * (lr - warmup_lr) / max(warmup_steps, 1)
    progress = (step - warmup_steps) / max(steps - warmup_steps, 1)
    falling = _half_cosine(progress, lr, min_lr) if name == "cosine" else np.full_like(step, lr)
    return _late(np.where(step < warmup_steps, rising, falling), lag)


def _late(rates: np.ndarray, lag: int) -> np.ndarray:
    return rates[np.maximum(np.arange(len(rates)) - lag, 0)]


def _check_name(name: str) -> None:
    if name not in SCHEDULES:
        raise ConfigError(
            f"schedule.name: got {name!r}, expected a known one{nearest(name, SCHEDULES)}"
        )


def _half_cosine(progress: np.ndarray, lr: float, min_lr: float) -> np.ndarray:
    return min_lr + (lr - min_lr) / 2 * (1 + np.cos(np.pi * progress))


def _authors(
    epoch: np.ndarray, lr: float, epochs: int, warmup: float, warmup_lr: float, min_lr: float
) -> np.ndarray:
    rising = warmup_lr + epoch * (lr - warmup_lr) / max(warmup, 1)
    return np.where(epoch < warmup, rising, _half_cosine(epoch / epochs, lr, min_lr))
