from __future__ import annotations

import numpy as np
import pytest
from mindspore import Tensor

from mindtune.errors import ConfigError
from mindtune.heads.linear import LinearHead


@pytest.mark.parametrize("pool", ["pooled", "mean"])
def test_logits_are_a_linear_map_of_the_chosen_feature(pool):
    head = LinearHead(8, 3, num_prefix_tokens=1, pool=pool)
    rng = np.random.default_rng(0)
    tokens = rng.standard_normal((2, 5, 8)).astype(np.float32)
    pooled = rng.standard_normal((2, 8)).astype(np.float32)
    feature = pooled if pool == "pooled" else tokens[:, 1:].mean(1)
    expected = feature @ head.weight.asnumpy().T + head.bias.asnumpy()
    logits = head(Tensor(tokens), Tensor(pooled)).asnumpy()
    np.testing.assert_allclose(logits, expected, rtol=1e-5, atol=1e-6)


def test_names_are_those_of_timm():
    head = LinearHead(768, 1000, 1)
    assert {n: p.shape for n, p in head.parameters_and_names()} == {
        "weight": (1000, 768),
        "bias": (1000,),
    }


def test_unknown_pool_is_refused():
    with pytest.raises(ConfigError, match=r"head.linear.pool: got 'meen'.*did you mean 'mean'"):
        LinearHead(8, 3, 1, pool="meen")


def test_start_is_scaled_on_request():
    stds = [LinearHead(500, 100, 1, init_scale=scale).weight.asnumpy().std() for scale in (1, 0.01)]
    np.testing.assert_allclose(stds, [0.02, 0.0002], rtol=0.05)
