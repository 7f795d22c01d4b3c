from __future__ import annotations

import numpy as np
import pytest
from mindspore import Tensor, amp, nn

from mindtune.assemble import build_classifier
from mindtune.config import RunConfig
from mindtune.data.datasets import create_dataset
from mindtune.data.normalise import normalise
from mindtune.data.transforms import EvalTransform
from mindtune.engine.ema import Ema
from mindtune.engine.optim import SGD, AdamW
from mindtune.engine.step import TrainStep
from mindtune.objectives.supervised import SupervisedObjective
from mindtune.parameters import weights_of
from mindtune.preprocessing import Preprocessing


def network(drop_path: float = 0.0) -> nn.Cell:
    run = RunConfig()
    run.backbone.name, run.tuning.modes, run.backbone.drop_path = "vit_test", ["full"], drop_path
    net = build_classifier(run, 4)
    for parameter in weights_of(net):
        rng = np.random.default_rng(len(parameter.name))
        value = 0.1 * rng.standard_normal(parameter.shape)
        parameter.set_data(Tensor(value.astype(np.float32)))
    return net


def batch(size: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    rng = np.random.default_rng(seed)
    images = rng.standard_normal((size, 3, 32, 32)).astype(np.float32)
    return Tensor(images), Tensor(rng.dirichlet(np.ones(4), size).astype(np.float32))


def split(whole: tuple[Tensor, Tensor], parts: int) -> list[tuple[Tensor, ...]]:
    pieces = [np.split(column.asnumpy(), parts) for column in whole]
    return [tuple(Tensor(column[i]) for column in pieces) for i in range(parts)]


def values(net: nn.Cell) -> list[np.ndarray]:
    return [p.asnumpy().copy() for p in weights_of(net)]


def trained(net: nn.Cell, batches: list, steps: int = 3, **options) -> list[np.ndarray]:
    step = TrainStep(
        SupervisedObjective(net), weights_of(net), SGD(weights_of(net), 0.0), **options
    )
    for number in range(steps):
        step(0.1, number, batches)
    return values(net)


def test_accumulated_batches_equal_one_batch():
    whole = batch(8)
    together = trained(network(), [whole])
    in_parts = trained(network(), split(whole, 4), accumulate=4)
    for one, other in zip(together, in_parts):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_loss_scaling_does_not_change_the_update():
    plain = trained(network(), [batch(4)])
    scaled = trained(network(), [batch(4)], loss_scaler=amp.DynamicLossScaler(2.0**10, 2, 100))
    for one, other in zip(plain, scaled):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_an_overflow_skips_the_update_and_halves_the_scale(accumulate):
    net = network()
    scaler = amp.DynamicLossScaler(2.0**8, 2, 100)
    parameters = weights_of(net)
    ema = Ema(parameters, 0.5)
    step = TrainStep(
        SupervisedObjective(net), parameters, AdamW(parameters, 0.1),
        loss_scaler=scaler, accumulate=accumulate, ema=ema,
    )  # fmt: skip
    before = values(net)
    images, targets = batch(2)
    broken = (images * float("inf"), targets)
    output = step(0.1, 0, [broken] * accumulate)
    for one, other in zip(before, values(net)):
        np.testing.assert_array_equal(one, other)
    assert float(scaler.scale_value.asnumpy()) == 2.0**7
    assert int(step.optimizer.count.asnumpy()) == int(ema.count.asnumpy()) == 0
    assert float(output.grad_norm.asnumpy()) == 0
    step(0.1, 1, [batch(2)] * accumulate)
    assert any(not np.array_equal(one, other) for one, other in zip(before, values(net)))
    assert all(np.isfinite(value).all() for value in values(net))


def test_clipping_bounds_the_gradient_and_reports_the_norm_before():
    net = network()
    before = values(net)
    parameters = weights_of(net)
    step = TrainStep(
        SupervisedObjective(net), parameters, SGD(parameters, 0.0, momentum=0.0), clip_norm=1e-3
    )
    output = step(1.0, 0, [batch(4)])
    moved = np.sqrt(sum(((a - b) ** 2).sum() for a, b in zip(before, values(net))))
    assert float(output.grad_norm.asnumpy()) > 0.01
    assert moved == pytest.approx(1e-3, rel=1e-2)


def test_drop_path_differs_between_steps_and_repeats_for_a_step():
    net = network(drop_path=0.5)
    parameters = weights_of(net)
    step = TrainStep(SupervisedObjective(net), parameters, SGD(parameters, 0.0))
    losses = [step(0.0, number, [batch(8)]).loss() for number in (0, 1, 2, 0)]
    assert losses[0] == losses[3]
    assert len(set(losses)) == 3


def test_average_moves_with_every_update():
    net = network()
    parameters = weights_of(net)
    start = values(net)
    ema = Ema(parameters, 0.5)
    step = TrainStep(SupervisedObjective(net), parameters, SGD(parameters, 0.0), ema=ema)
    step(0.1, 0, [batch(4)])
    for first, now, average in zip(start, values(net), ema.averages):
        np.testing.assert_allclose(average.asnumpy(), (first + now) / 2, rtol=1e-5, atol=1e-7)


def test_eight_real_images_can_be_learnt_by_heart():
    digits = create_dataset("digits", None, "train")
    chosen = [int(np.flatnonzero(digits.labels == label)[n]) for label in range(4) for n in (0, 1)]
    prepared = Preprocessing(32, crop_pct=1.0)
    view = EvalTransform(prepared)
    pixels = np.stack([view(digits.load(index)) for index in chosen])
    images = Tensor(normalise(pixels, prepared.mean, prepared.std))
    targets = Tensor(np.eye(4, dtype=np.float32)[digits.labels[chosen]])
    net = network()
    parameters = weights_of(net)
    step = TrainStep(SupervisedObjective(net), parameters, AdamW(parameters, 0.0))
    losses = [step(3e-3, number, [(images, targets)]).loss() for number in range(120)]
    assert losses[-1] < 0.05 < losses[0]
