"""Plan and learning rates of a configuration."""

from __future__ import annotations

import numpy as np
import pytest

from mindtune.config import EvaluationConfig, OptimConfig, RunConfig, ScheduleConfig
from mindtune.engine.plan import EpochPlan, StepPlan
from mindtune.engine.schedules import learning_rates, step_learning_rates
from mindtune.errors import ConfigError
from mindtune.run.run_plan import build_plan, scheduled_rates

BATCHES, IMAGES, PER_STEP = 10, 107, 10


def plan_of(**keys: object) -> EpochPlan | StepPlan:
    return build_plan(RunConfig(**keys), BATCHES, IMAGES, PER_STEP)


def test_epochs_with_their_cool_down_are_thirty_by_default():
    assert plan_of() == EpochPlan(30, 10, 1, IMAGES, PER_STEP)
    keys = {"epochs": 3, "accumulate": 3, "schedule": ScheduleConfig(cooldown_epochs=2)}
    assert plan_of(**keys) == EpochPlan(5, 3, 1, IMAGES, PER_STEP)
    assert plan_of(epochs=3, max_steps=4) == EpochPlan(3, 4, 1, 4 * PER_STEP, PER_STEP)


def test_steps_are_evaluated_every_so_many_or_every_so_many_epochs():
    every = EvaluationConfig(every_steps=50)
    assert plan_of(steps=1000, evaluation=every) == StepPlan(1000, 50, IMAGES, PER_STEP)
    assert plan_of(steps=1000) == StepPlan(1000, 10, IMAGES, PER_STEP)
    assert plan_of(steps=1000, evaluation=EvaluationConfig(every=3)).steps_per_round == 30


@pytest.mark.parametrize("length", [{"epochs": 2}, {"steps": 20}])
def test_an_update_of_more_batches_than_an_epoch_has_is_refused(length):
    with pytest.raises(ConfigError, match="accumulate: got 11 batches an update, .* 10 batches"):
        plan_of(accumulate=11, **length)


def test_rates_are_those_of_the_schedule_scaled():
    schedule = ScheduleConfig("cosine", warmup_steps=4, warmup_lr=0.1, min_lr=0.2)
    optim = OptimConfig(lr=1.0)
    config = RunConfig(steps=20, optim=optim, schedule=schedule)
    rates = scheduled_rates(config, build_plan(config, BATCHES, IMAGES, PER_STEP), 2.0)
    np.testing.assert_allclose(rates, step_learning_rates("cosine", 2.0, 20, 4, 0.2, 0.4))
    config = RunConfig(epochs=2, optim=optim, schedule=schedule)
    schedule.cooldown_epochs = 1
    rates = scheduled_rates(config, build_plan(config, BATCHES, IMAGES, PER_STEP), 2.0)
    expected = learning_rates("cosine", 2.0, 2, 10, 0.0, 0.2, 0.4, 1, warmup_steps=4)
    np.testing.assert_allclose(rates, expected)
