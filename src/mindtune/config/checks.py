"""Values that no run can have, refused before anything is built."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

from mindtune.config import (
    RANDOM_WEIGHTS,
    AmuConfig,
    AugmentConfig,
    ContrastiveConfig,
    EvaluateConfig,
    RunConfig,
)
from mindtune.errors import ConfigError

_WITHOUT_HEAD = ("feature_distillation", "ibot", "smkd", "contrastive", "amu")  # methods
_WITH_OWN_VIEWS = ("ibot", "smkd")


def check_config(config: RunConfig) -> None:
    """Refuse values that no run can have; the command line has checked types, Python code has not.

    Raises:
        ConfigError: naming the key, the value and what was expected.
    """
    _check_choices(config, "")
    _check_method(config)
    for keys, expected, holds in _RANGES:
        for key in keys:
            value: Any = config
            for part in key.split("."):
                value = getattr(value, part)
            if value is not None and not holds(value):
                raise ConfigError(f"{key}: got {value}, expected {expected}")
    _check_length(config)
    if config.method == "amu":
        _check_amu(config)


def _check_length(config: RunConfig) -> None:
    """A run is as long as one key says, and so is its warm-up."""
    schedule, evaluation = config.schedule, config.evaluation
    if config.steps is None:
        clashes: dict[str, Any] = {"evaluation.every_steps": evaluation.every_steps}
        rule = "none without steps; give the length as steps, or use evaluation.every"
    else:
        clashes = {
            "epochs": config.epochs,
            "max_steps": config.max_steps,
            "schedule.warmup_epochs": schedule.warmup_epochs,
            "schedule.cooldown_epochs": schedule.cooldown_epochs,
        }
        rule = f"none beside steps ({config.steps}); set one of the two to null or 0"
    for key, value in clashes.items():
        if value:
            raise ConfigError(f"{key}: got {value}, expected {rule}")
    if schedule.warmup_steps and (schedule.warmup_epochs or schedule.name == "authors_cosine"):
        raise ConfigError(
            f"schedule.warmup_steps: got {schedule.warmup_steps}, expected none beside "
            "schedule.warmup_epochs or authors_cosine, which counts in epochs; leave one out"
        )
    if evaluation.every_steps and evaluation.every != 1:
        raise ConfigError(
            f"evaluation.every: got {evaluation.every}, expected 1 beside "
            f"evaluation.every_steps ({evaluation.every_steps}); leave one out"
        )


def _check_method(config: RunConfig) -> None:
    """Options that another method than the chosen one has must not be passed over in silence."""
    follows, labels = config.method == "feature_distillation", config.method == "supervised"
    if not follows and config.teacher.pretrained not in (None, RANDOM_WEIGHTS):
        raise ConfigError(
            f"teacher.pretrained: got {config.teacher.pretrained} with method {config.method}, "
            "which follows no teacher; add --method feature_distillation, or leave it out"
        )
    judged = isinstance(config, EvaluateConfig)  # protocol few_shot_clip reads amu too
    if config.method != "amu" and not judged and config.amu != AmuConfig():
        raise ConfigError(
            f"amu: acts on method amu only, got {config.method}; leave its options out"
        )
    if config.method != "contrastive" and config.contrastive != ContrastiveConfig():
        raise ConfigError(
            f"contrastive: acts on method contrastive only, got {config.method}; leave its options "
            "out"
        )
    if not judged:
        _check_head_and_views(config)
    if not labels and config.forgetting.name is not None:
        raise ConfigError(
            f"forgetting.name: got {config.forgetting.name} with method {config.method}, "
            "which measures no forgetting; leave it out"
        )
    if not labels and config.adapter is not None:
        raise ConfigError(
            f"adapter: got {config.adapter} with method {config.method}, which reads none; leave "
            "it out"
        )


def _check_head_and_views(config: RunConfig) -> None:
    """A method without a head, or with crops of its own, says so before it leaves one out."""
    if config.method in _WITHOUT_HEAD and config.head.name != "linear":
        raise ConfigError(
            f"head.name: got {config.head.name} with method {config.method}, which has no such "
            "head; leave it out"
        )
    if config.method not in _WITH_OWN_VIEWS:
        return
    default = vars(AugmentConfig())
    for key, value in vars(config.augment).items():
        if _as_tuple(value) != default[key]:
            raise ConfigError(
                f"augment.{key}: got {value} with method {config.method}, whose crops have options "
                "of their own (self_distillation.views); leave it out"
            )


def _as_tuple(value: Any) -> Any:
    """A list, as files hold it, as the tuple that it stands for."""
    return tuple(value) if isinstance(value, list) else value


def _check_amu(config: RunConfig) -> None:
    """What method amu does not do must not be passed over in silence."""
    augment, options = config.augment, config.amu
    if not options.auxiliary:
        raise ConfigError("amu.auxiliary: got an empty list, expected at least one network")
    unused: dict[str, tuple[Any, Any]] = {
        "tuning.modes": (config.tuning.modes, ["linear"]),
        "augment.mixup": (augment.mixup, 0),
        "augment.cutmix": (augment.cutmix, 0),
        "augment.label_smoothing": (augment.label_smoothing, 0),
        "augment.erasing": (augment.erasing, 0),
        "evaluation.statistics": (config.evaluation.statistics, None),
        "recompute": (config.recompute, False),
    }
    for key, (value, expected) in unused.items():
        if value != expected:
            raise ConfigError(
                f"{key}: got {value} with method amu, whose networks are frozen and see plain "
                f"images, expected {expected}; leave it out"
            )


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
        ("epochs", "steps", "batch_size", "accumulate", "max_steps", "log_every", "data.workers",
         "evaluation.every", "evaluation.every_steps", "evaluation.batch_size",
         "backbone.image_size", "teacher.image_size",
         "optim.lr_base_size", "distributed.timeout", "self_distillation.views.local_size",
         "self_distillation.projection.out_dim", "self_distillation.projection.hidden_dim",
         "self_distillation.projection.bottleneck_dim", "self_distillation.chunk_rows",
         "amu.start_views"),
        "at least 1",
        lambda value: value >= 1,
    ),
    (
        ("checkpoint_every", "restart_on_failure", "schedule.cooldown_epochs",
         "schedule.warmup_steps", "schedule.lag", "optim.weight_decay", "optim.weight_decay_end",
         "head.linear.init_scale", "augment.mixup", "augment.cutmix",
         "self_distillation.cls_weight", "self_distillation.mim_weight",
         "self_distillation.patch_weight", "self_distillation.masks.unmasked_epochs",
         "self_distillation.freeze_last_layer", "self_distillation.warmup_teacher_temp_epochs",
         "self_distillation.views.local_crops", "amu.shots", "amu.shot_seed", "amu.cache_views",
         "amu.alpha"),
        "at least 0",
        lambda value: value >= 0,
    ),
    (("seed",), "0 to 4294967295", lambda value: 0 <= value < 2**32),
    (
        ("optim.lr", "optim.eps", "optim.clip_norm", "optim.clip_each", "distributed.message_mb",
         "knn.temperature", "distillation.beta", "self_distillation.student_temp"),
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
    (("self_distillation.images_a_class",), "at least 2", lambda value: value >= 2),
    (
        ("self_distillation.momentum", "amu.fused_share"),
        "0 <= value <= 1",
        lambda value: 0 <= value <= 1,
    ),
    (
        ("self_distillation.teacher_temp", "self_distillation.teacher_patch_temp"),
        "two values of more than 0",
        lambda pair: len(pair) == 2 and min(pair) > 0,
    ),
    (("data.val_fraction",), "0 < value < 1", lambda value: 0 < value < 1),
    (("optim.betas",), "two values of 0 <= value < 1", lambda pair: all(0 <= b < 1 for b in pair)),
)  # fmt: skip
