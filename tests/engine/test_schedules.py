from __future__ import annotations

import math

import numpy as np
import pytest

from mindtune.engine.schedules import learning_rates, step_learning_rates
from mindtune.errors import ConfigError


def authors(epoch: int, epochs: int, warmup: int, lr: float) -> float:
    """Moment Probing's released schedule, as its specification writes it."""
    if epoch < warmup:
        return 1e-7 + epoch * (lr - 1e-7) / warmup
    if epoch < epochs:
        return 1e-8 + (lr - 1e-8) / 2 * (1 + math.cos(math.pi * epoch / epochs))
    return 1e-8


@pytest.mark.parametrize(
    ("epochs", "warmup", "lr"), [(30, 5, 1e-4), (100, 10, 1e-2), (30, 0, 1e-4)]
)
def test_authors_schedule_in_every_epoch(epochs, warmup, lr):
    rates = learning_rates("authors_cosine", lr, epochs, 4, warmup, 1e-7, 1e-8, cooldown_epochs=10)
    expected = np.repeat([authors(e, epochs, warmup, lr) for e in range(epochs + 10)], 4)
    np.testing.assert_allclose(rates, expected, rtol=1e-12)
    if warmup == 5:
        assert rates[5 * 4] / lr == pytest.approx(0.933, abs=5e-4)


def test_cosine_changes_every_step_from_warm_up_to_minimum():
    rates = learning_rates("cosine", 1.0, 4, 10, warmup_epochs=1, warmup_lr=0.0, min_lr=0.0)
    np.testing.assert_allclose(rates[:10], np.arange(10) / 10)
    assert rates[10] == 1.0
    assert (np.diff(rates[10:]) < 0).all()
    assert rates[25] == pytest.approx(0.5)
    assert rates[-1] == pytest.approx(0.5 * (1 + math.cos(math.pi * 29 / 30)))


@pytest.mark.parametrize(
    ("step", "rate"),
    [(0, 0), (1, 1e-5), (250, 2.5e-3), (500, 5e-3), (5000, 2.70645e-3), (5250, 2.5e-3),
     (9999, 1.3670e-10)],
)  # fmt: skip
def test_cosine_in_steps_is_that_of_peft_vit(step, rate):
    """Rates measured on the authors' scheduler (PEFT specification, section 6)."""
    rates = step_learning_rates("cosine", 5e-3, 10_000, 500, warmup_lr=0.0, min_lr=0.0)
    assert len(rates) == 10_000
    assert rates[step] == pytest.approx(rate, rel=1e-5)


def test_a_warm_up_in_steps_replaces_one_in_epochs():
    options = {"warmup_lr": 0.0, "min_lr": 1e-3, "cooldown_epochs": 1}
    in_steps = learning_rates("cosine", 1.0, 4, 10, warmup_steps=15, **options)
    np.testing.assert_array_equal(
        in_steps, learning_rates("cosine", 1.0, 4, 10, warmup_epochs=1.5, **options)
    )
    np.testing.assert_array_equal(
        in_steps[:-10], step_learning_rates("cosine", 1.0, 40, 15, warmup_lr=0.0, min_lr=1e-3)
    )


def test_constant_holds_after_the_warm_up_and_in_the_cool_down():
    rates = learning_rates("constant", 0.3, 2, 3, warmup_epochs=1, cooldown_epochs=1)
    np.testing.assert_allclose(rates[3:], 0.3)
    assert len(rates) == 9


def test_lag_repeats_the_first_rate():
    on_time = learning_rates("cosine", 1.0, 4, 10, warmup_epochs=1)
    late = learning_rates("cosine", 1.0, 4, 10, warmup_epochs=1, lag=1)
    np.testing.assert_array_equal(late, [on_time[0], *on_time[:-1]])


@pytest.mark.parametrize(
    ("name", "warmup", "message"),
    [
        ("cosin", 0, "did you mean 'cosine'"),
        ("authors_cosine", 0, "got authors_cosine, which changes every epoch"),
        ("cosine", 6, "schedule.warmup_steps: got 6, expected 0 <= value < the 6 updates"),
        ("constant", -1, "schedule.warmup_steps: got -1"),
    ],
)
def test_impossible_schedules_in_steps_are_refused(name, warmup, message):
    with pytest.raises(ConfigError, match=message):
        step_learning_rates(name, 1.0, 6, warmup)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "cosin"}, "did you mean 'cosine'"),
        ({"name": "cosine", "warmup_epochs": 3}, "schedule.warmup_epochs: got 3"),
        ({"name": "cosine", "warmup_epochs": -1}, "schedule.warmup_epochs: got -1"),
    ],
)
def test_impossible_schedules_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        learning_rates(lr=1.0, epochs=3, steps_per_epoch=2, **options)


def test_golden_schedule_of_peft_vit():
    """Their 10,000 updates with 500 of warm-up: the first has rate 0. Figures of their own code."""
    rates = learning_rates("cosine", 0.005, 20, 500, warmup_epochs=1, warmup_lr=0.0, min_lr=0.0)
    golden = {0: 0, 1: 1e-5, 250: 0.0025, 500: 0.005, 5000: 0.00270645, 5250: 0.0025}
    assert len(rates) == 10_000
    assert {step: rates[step] for step in golden} == pytest.approx(golden, abs=5e-9)
    assert rates[9_999] == pytest.approx(1.3670e-10, rel=1e-4)
