from __future__ import annotations

import numpy as np
from mindspore import Tensor, nn

from mindtune.layers.drop_path import DropPath, drop_path_rates
from mindtune.layers.random import (
    RandomLayer,
    random_layers,
    seed_random_layers,
    set_random_step,
)
from mindtune.parameters import weights_of


class Numbers(RandomLayer):
    """A random layer that shows its numbers."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self.count = count

    def construct(self, x: Tensor) -> Tensor:
        return x + self.uniform(self.count)


class Two(nn.Cell):
    def __init__(self, count: int) -> None:
        super().__init__()
        self.layers = nn.CellList([Numbers(count), Numbers(count)])

    def construct(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.layers[0](x), self.layers[1](x)


ZERO = Tensor(0.0)


def drawn(seed: int, step: int, count: int = 2048, first: int = 0) -> list[np.ndarray]:
    net = Two(count)
    seed_random_layers(net, seed, first)
    set_random_step(random_layers(net), step)
    return [x.asnumpy() for x in net(ZERO)]


def test_numbers_are_uniform_and_layers_steps_and_seeds_independent():
    first, second = drawn(1, 0)
    others = [second, drawn(1, 1)[0], drawn(2, 0)[0]]
    for sample in (first, *others):
        assert 0 <= sample.min() < 0.01
        assert 0.99 < sample.max() < 1
        assert abs(sample.mean() - 0.5) < 0.03
        assert abs(sample.var() - 1 / 12) < 0.005
        assert abs(np.corrcoef(sample[1:], sample[:-1])[0, 1]) < 0.08
    for other in others:
        assert abs(np.corrcoef(first, other)[0, 1]) < 0.08


def test_numbers_over_steps_are_uniform_for_one_sample():
    net = Two(1)
    seed_random_layers(net, 5)
    layers = random_layers(net)
    series = []
    for step in range(600):
        set_random_step(layers, step)
        series.append(float(net(ZERO)[0].asnumpy()[0]))
    assert abs(np.mean(series) - 0.5) < 0.05
    assert abs(np.corrcoef(series[1:], series[:-1])[0, 1]) < 0.12


def test_the_same_seed_layer_and_step_give_the_same_numbers():
    np.testing.assert_array_equal(drawn(3, 17), drawn(3, 17))


def test_ranks_draw_what_one_process_with_the_whole_batch_draws():
    whole = drawn(3, 4, count=8)[0]
    parts = [drawn(3, 4, count=4, first=rank * 4)[0] for rank in (0, 1)]
    np.testing.assert_array_equal(whole, np.concatenate(parts))


def test_run_state_is_no_weight():
    assert weights_of(Two(1)) == []


def test_drop_path_keeps_the_expectation_and_drops_whole_samples():
    layer = DropPath(0.25)
    seed_random_layers(layer, 0)
    layer.set_train(True)
    out = layer(Tensor(np.ones((4000, 2, 3), np.float32))).asnumpy()
    per_sample = out.reshape(4000, -1)
    assert (per_sample == per_sample[:, :1]).all()
    values = np.unique(per_sample)
    np.testing.assert_allclose(values, [0, 1 / 0.75], rtol=1e-6)
    assert abs(out.mean() - 1) < 0.03


def test_rates_rise_linearly():
    np.testing.assert_allclose(drop_path_rates(0.2, 3), [0, 0.1, 0.2])
