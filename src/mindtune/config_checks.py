"""Values that no run can have, refused before anything is built."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

from mindtune.config import RunConfig
from mindtune.errors import ConfigError


def check_config(config: RunConfig) -> None:
    """Refuse values that no run can have; the command line has checked types, Python code has not.

    Raises:
        ConfigError: naming the key, the value and what was expected.
    """
    _check_choices(config, "")
    for keys, expected, holds in _RANGES:
        for key in keys:
            value: Any = config
            for part in key.split("."):
                value = getattr(value, part)
            if value is not None and not holds(value):
                raise ConfigError(f"{key}: got {value}, expected {expected}")


def _check_choices(section: Any, prefix: str) -> None:
    types = get_type_hints(type(section))
    for item in fields(section):
        key, value = prefix + item.name, getattr(section, item.name)
        if is_dataclass(value):
            _check_choices(value, f"{key}.")
            continue
        annotation, values = types[item.name], [value]
        if get_origin(annotation) is list:
            (annotation,), values = get_args(annotation), value
        choices = _choices(annotation)
        for chosen in values if choices else ():
            if chosen not in choices:
                raise ConfigError(
                    f"{key}: got {chosen!r}, expected one of {', '.join(map(str, choices))}"
                )


def _choices(annotation: Any) -> tuple[Any, ...]:
    """Values a ``Literal`` allows, None included where it is optional; empty for other types."""
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    inner = [_choices(part) for part in get_args(annotation) if part is not type(None)]
    return (*inner[0], None) if len(inner) == 1 and inner[0] else ()


_RANGES = (
    (
        ("epochs", "batch_size", "accumulate", "max_steps", "log_every", "data.workers",
         "evaluation.every", "evaluation.batch_size", "backbone.image_size", "teacher.image_size",
         "optim.lr_base_size", "distributed.timeout"),
        "at least 1",
        lambda value: value >= 1,
    ),
    (
        ("checkpoint_every", "restart_on_failure", "schedule.cooldown_epochs", "optim.weight_decay",
         "augment.mixup", "augment.cutmix"),
        "at least 0",
        lambda value: value >= 0,
    ),
    (("seed",), "0 to 4294967295", lambda value: 0 <= value < 2**32),
    (
        ("optim.lr", "optim.eps", "optim.clip_norm", "distributed.message_mb",
         "knn.temperature", "distillation.beta"),
        "more than 0",
        lambda value: value > 0,
    ),
    (
        ("augment.hflip", "augment.mix_prob", "augment.mix_switch_prob", "augment.erasing"),
        "a probability from 0 to 1",
        lambda value: 0 <= value <= 1,
    ),
    (
        ("backbone.drop_path", "ema_decay", "augment.label_smoothing", "optim.momentum"),
        "0 <= value < 1",
        lambda value: 0 <= value < 1,
    ),
    (
        ("knn.k",),
        "one or more different numbers from 1 on",
        lambda ks: len(ks) > 0 and min(ks) >= 1 and len(set(ks)) == len(ks),
    ),
    (("optim.layer_decay",), "0 < value <= 1", lambda value: 0 < value <= 1),
    (("data.val_fraction",), "0 < value < 1", lambda value: 0 < value < 1),
    (("optim.betas",), "two values of 0 <= value < 1", lambda pair: all(0 <= b < 1 for b in pair)),
)  # fmt: skip
