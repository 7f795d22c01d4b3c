"""Numbers that move during a run, and Cells that act beside the optimiser."""

from __future__ import annotations

import numpy as np
import pytest
from mindspore import Parameter, Tensor

from mindtune.config import OptimConfig
from mindtune.engine.clipping import ClipEach, ClipTogether, create_clipping
from mindtune.engine.follower import Follower
from mindtune.engine.late_start import LateStart
from mindtune.engine.optim import AdamW
from mindtune.engine.scheduled import (
    Scheduled,
    StepParts,
    epoch_ramp,
    half_cosine,
    scheduled_scalar,
)
from mindtune.errors import ConfigError
from mindtune.run.optimizing import build_optimizer

rng = np.random.default_rng(0)
VALUES = [rng.standard_normal(shape).astype(np.float32) for shape in ((3, 2), (4,), (2, 2))]


def parameters() -> list[Parameter]:
    names = ("backbone.weight", "backbone.bias", "head.weight")
    return [Parameter(Tensor(v.copy()), name=n) for v, n in zip(VALUES, names)]


def gradients(seed: int) -> tuple[Tensor, ...]:
    drawn = np.random.default_rng(seed)
    return tuple(Tensor(drawn.standard_normal(v.shape).astype(np.float32)) for v in VALUES)


def rate(value: float) -> Tensor:
    return Tensor(np.float32(value))


def test_half_cosine_is_the_authors():
    """final + (base - final) (1 + cos(pi i / n)) / 2, i from 0 to n - 1."""
    found = half_cosine(0.996, 1.0, 8)
    expected = [1 - 0.002 * (1 + np.cos(np.pi * i / 8)) for i in range(8)]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert found[0] == pytest.approx(0.996)


def test_temperatures_rise_by_epoch_then_stay():
    rising = np.linspace(0.04, 0.07, 5)
    np.testing.assert_allclose(epoch_ramp(0.04, 0.07, 5, 7), [*rising, 0.07, 0.07])
    np.testing.assert_allclose(epoch_ramp(0.04, 0.07, 5, 4), rising[:4])
    np.testing.assert_allclose(
        epoch_ramp(0.04, 0.07, 5, 9, delay=2), [0.04, 0.04, *rising, 0.07, 0.07]
    )


def test_a_schedule_keeps_its_last_value():
    scalar = scheduled_scalar("x")
    scheduled = Scheduled(scalar, np.array([0.5, 0.25]))
    found = []
    for place in range(4):
        scheduled.set(place)
        found.append(float(scalar.asnumpy()))
    assert found == [0.5, 0.25, 0.25, 0.25]


def test_a_follower_moves_its_share_of_the_way():
    leading, following = parameters(), parameters()
    for parameter in leading:
        parameter.set_data(parameter + 1.0)
        parameter.name = f"leading.{parameter.name}"
    follower = Follower(list(zip(leading, following)))
    follower.share.set_data(rate(0.25))
    follower()
    for value, parameter in zip(VALUES, following):
        np.testing.assert_allclose(parameter.asnumpy(), value + 0.25, rtol=1e-6)


@pytest.mark.parametrize(("kind", "together"), [(ClipTogether, True), (ClipEach, False)])
def test_clipping_together_and_each(kind, together):
    given = [g.asnumpy().astype(np.float64) for g in gradients(3)]
    norms = [np.linalg.norm(g) for g in given]
    whole = float(np.sqrt(np.sum(np.square(norms))))
    limit = sorted(norms)[1]
    found = kind(float(limit))(gradients(3), rate(whole))
    for gradient, norm, clipped in zip(given, norms, found):
        share = min(1.0, limit / (whole if together else norm))
        np.testing.assert_allclose(clipped.asnumpy(), gradient * share, rtol=1e-5)


def test_two_kinds_of_clipping_are_refused():
    with pytest.raises(ConfigError, match="clip_each: got 3 beside clip_norm 1"):
        create_clipping(1, 3)
    assert create_clipping(None, None) is None


def test_late_parameters_train_as_if_the_run_began_with_them():
    """Neither moments nor bias correction nor decay have seen the updates before."""
    trained, alone = parameters(), parameters()
    late = LateStart(AdamW(trained[:2], 0.1), AdamW(trained[2:], 0.1, name="late"), [2])
    punctual, joining = AdamW(alone[:2], 0.1), AdamW(alone[2:], 0.1, name="other")
    for step, begun in enumerate((0, 0, 1, 1)):
        late.begun.set_data(rate(begun))
        late(rate(0.1), gradients(step))
        punctual(rate(0.1), gradients(step)[:2])
        if begun:
            joining(rate(0.1), gradients(step)[2:])
        if step == 1:
            np.testing.assert_array_equal(trained[2].asnumpy(), VALUES[2])
    for one, other in zip(trained, alone):
        np.testing.assert_array_equal(one.asnumpy(), other.asnumpy())
    names = [p.name for p in late.state()]
    assert len(names) == len(set(names)) == 3 * 2 + 2


def test_weight_decay_moves_on_a_cosine():
    options = OptimConfig(weight_decay=0.04, weight_decay_end=0.4)
    trained, expected = parameters(), parameters()
    optimizer, scheduled = build_optimizer(options, trained, [0] * 3, StepParts(), 4)
    assert len(scheduled) == 1
    scheduled[0].set(2)
    optimizer(rate(0.1), gradients(0))
    AdamW(expected, 0.4 + (0.04 - 0.4) * 0.5)(rate(0.1), gradients(0))
    for one, other in zip(trained, expected):
        np.testing.assert_allclose(one.asnumpy(), other.asnumpy(), rtol=1e-6)


def test_late_start_is_built_from_what_the_method_says():
    trained = parameters()
    parts = StepParts(late=trained[2:], late_start=3)
    optimizer, scheduled = build_optimizer(OptimConfig(), trained, [0] * 3, parts, 5)
    assert isinstance(optimizer, LateStart)
    assert (optimizer.places, optimizer.other_places) == ((2,), (0, 1))
    np.testing.assert_array_equal(scheduled[0].values, [0, 0, 0, 1, 1])


def test_a_decay_of_nothing_cannot_move():
    options = OptimConfig(weight_decay=0.0, weight_decay_end=0.4)
    with pytest.raises(ConfigError, match="weight_decay: got 0 with weight_decay_end"):
        build_optimizer(options, parameters(), [0] * 3, StepParts(), 4)
