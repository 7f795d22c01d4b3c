"""Where runs are cut, by a walk through both kinds of plan as the loop takes it."""

from __future__ import annotations

from mindtune.engine.checkpoint import Position
from mindtune.engine.plan import EpochPlan, StepPlan


def train(plan: EpochPlan | StepPlan, position: Position, updates: int) -> None:
    """Make updates inside a round, entering an epoch where the last one is used up."""
    for _ in range(updates):
        if plan.images_per_epoch - position.images_in_epoch < plan.images_per_step:
            position.epoch, position.images_in_epoch = position.epoch + 1, 0
        position.step += 1
        position.loss_count += 1
        position.images_in_epoch += plan.images_per_step


def close(plan: EpochPlan | StepPlan, position: Position) -> None:
    if plan.images_per_epoch - position.images_in_epoch < plan.images_per_step:
        position.epoch, position.images_in_epoch = position.epoch + 1, 0
    position.loss_count = 0


def walk(plan: EpochPlan | StepPlan, position: Position) -> list[tuple[str, int, int, bool]]:
    """Title, last step, epochs finished, and whether it is evaluated, of every round left."""
    rounds = []
    while not plan.is_over(position):
        title, updates = plan.title(position), plan.updates_left(position)
        for _ in range(updates):
            train(plan, position, 1)
        close(plan, position)
        rounds.append((title, position.step, position.epoch, plan.is_evaluated(position)))
    return rounds


def test_epochs():
    plan = EpochPlan(3, 4, evaluate_every=2, images_per_epoch=43, images_per_step=10)
    assert walk(plan, Position()) == [
        ("epoch 1/3", 4, 1, False),
        ("epoch 2/3", 8, 2, True),
        ("epoch 3/3", 12, 3, True),
    ]


def test_rates_of_epochs_go_by_images_when_ranks_change():
    one, two = (EpochPlan(3, 40 // size, 1, 43, size) for size in (10, 20))
    position = Position()
    train(one, position, 4)
    close(one, position)
    train(one, position, 2)
    assert one.next_update(position) == 6
    assert (two.next_update(position), two.updates_left(position)) == (2 + 1, 1)
    assert walk(two, position)[-1] == ("epoch 3/3", 6 + 1 + 2, 3, True)


def test_an_epoch_cut_short_ends_with_its_last_rate():
    """Its two updates of 30 images are more than three of 10."""
    plan = EpochPlan(1, 3, 1, images_per_epoch=30, images_per_step=10)
    position = Position(images_in_epoch=60, step=2, loss_count=2)
    assert plan.updates_left(position) <= 0
    assert plan.next_update(position) == 3


def test_steps_cross_epochs_and_the_last_round_is_shorter():
    plan = StepPlan(10, steps_per_round=3, images_per_epoch=43, images_per_step=10)
    assert walk(plan, Position()) == [
        ("step 3/10", 3, 0, True),
        ("step 6/10", 6, 1, True),
        ("step 9/10", 9, 2, True),
        ("step 10/10", 10, 2, True),
    ]


def test_steps_count_alike_when_ranks_change():
    one, two = (StepPlan(10, 3, 43, size) for size in (10, 20))
    position = Position()
    train(one, position, 2)
    assert (two.updates_left(position), two.next_update(position)) == (1, 2)
    assert [step for _, step, _, _ in walk(two, position)] == [3, 6, 9, 10]


def test_a_round_that_was_not_closed_is_closed_first():
    plan = StepPlan(6, 3, 43, 10)
    for step in (3, 6):
        still_open = Position(step=step, loss_count=3)
        assert not plan.is_over(still_open)
        assert (plan.updates_left(still_open), plan.title(still_open)) == (0, f"step {step}/6")
    assert plan.updates_left(Position(step=3)) == 3
    assert plan.is_over(Position(step=6))
