from __future__ import annotations

import math

import numpy as np
import pytest

from mindtune.engine.schedules import learning_rates
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


def test_constant_holds_after_the_warm_up_and_in_the_cool_down():
    rates = learning_rates("constant", 0.3, 2, 3, warmup_epochs=1, cooldown_epochs=1)
    np.testing.assert_allclose(rates[3:], 0.3)
    assert len(rates) == 9


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
