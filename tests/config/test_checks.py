from __future__ import annotations

import pytest

from mindtune.config import EvaluateConfig, RunConfig
from mindtune.config.checks import check_config
from mindtune.errors import ConfigError


def changed(key: str, value: object, **steps: object) -> RunConfig:
    config = RunConfig(**steps)
    *path, last = key.split(".")
    section = config
    for part in path:
        section = getattr(section, part)
    setattr(section, last, value)
    return config


def test_defaults_pass():
    check_config(RunConfig())
    check_config(EvaluateConfig())


def test_every_value_of_a_list_is_a_choice():
    config = EvaluateConfig()
    config.few_shot.classifiers = ["logistic", "svm"]
    with pytest.raises(ConfigError, match=r"few_shot\.classifiers: got 'svm', expected one of"):
        check_config(config)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("head.name", "momment", "one of linear, moment"),
        ("head.moment.pairing", "far", "one of near, half, one, all"),
        ("preprocessing.resize", "crop", "one of shorter, square, None"),
        ("evaluation.selection", "Test", "one of val, test"),
        ("epochs", 0, "at least 1"),
        ("steps", 0, "at least 1"),
        ("evaluation.every_steps", 5, "none without steps"),
        ("seed", 2**32, "0 to 4294967295"),
        ("optim.lr", 0.0, "more than 0"),
        ("augment.hflip", 1.5, "a probability"),
        ("ema_decay", 1.0, "0 <= value < 1"),
        ("optim.betas", (0.9, 1.0), "two values"),
        ("data.val_fraction", 1.0, "0 < value < 1"),
    ],
)
def test_impossible_values_are_named(key, value, expected):
    with pytest.raises(ConfigError) as caught:
        check_config(changed(key, value))
    assert str(caught.value).startswith(f"{key}: got ")
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value"), [("preprocessing.resize", None), ("max_steps", None), ("seed", 2**32 - 1)]
)
def test_what_may_be_left_open_passes(key, value):
    check_config(changed(key, value))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("epochs", 30),
        ("max_steps", 5),
        ("schedule.warmup_epochs", 0.5),
        ("schedule.cooldown_epochs", 1),
    ],
)
def test_a_length_in_steps_stands_alone(key, value):
    with pytest.raises(ConfigError, match=rf"^{key}: got {value}, expected none beside steps"):
        check_config(changed(key, value, steps=100))
    check_config(changed(key, value))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"schedule": {"warmup_steps": 5, "warmup_epochs": 1}}, "warmup_steps: got 5, .* beside"),
        ({"schedule": {"warmup_steps": 5, "name": "authors_cosine"}}, "counts in epochs"),
        ({"evaluation": {"every_steps": 5, "every": 2}, "steps": 9}, "every: got 2, expected 1"),
    ],
)
def test_two_keys_for_one_length_are_refused(keys, message):
    config = RunConfig(steps=keys.get("steps"))
    for group in keys.keys() - {"steps"}:
        vars(getattr(config, group)).update(keys[group])
    with pytest.raises(ConfigError, match=message):
        check_config(config)


@pytest.mark.parametrize(
    ("key", "method", "expected"),
    [
        ("forgetting.name", "ibot", "which measures no forgetting"),
        ("forgetting.name", "feature_distillation", "which measures no forgetting"),
        ("adapter", "smkd", "which reads none"),
        ("teacher.pretrained", "supervised", "which follows no teacher"),
    ],
)
def test_options_of_another_method(key, method, expected):
    with pytest.raises(ConfigError, match=f"{key}: got digits with method {method}, {expected}"):
        check_config(changed(key, "digits", method=method))


@pytest.mark.parametrize(("key", "value"), [("amu.shots", 4), ("contrastive.positives", "clip")])
def test_groups_of_another_method(key, value):
    group = key.split(".")[0]
    with pytest.raises(ConfigError, match=f"{group}: acts on method {group} only, got supervised"):
        check_config(changed(key, value, method="supervised"))
    check_config(changed(key, value, method=group))
