from __future__ import annotations

import numpy as np
import pytest
from mindspore import Tensor

from mindtune.errors import ConfigError
from mindtune.heads.normed_linear import NormedLinearHead


@pytest.mark.parametrize("pool", ["pooled", "mean"])
def test_features_are_normalised_by_the_batch_then_by_what_was_seen(pool):
    head = NormedLinearHead(8, 3, num_prefix_tokens=1, pool=pool)
    rng = np.random.default_rng(0)
    tokens = rng.standard_normal((6, 5, 8)).astype(np.float32) + 2
    pooled = rng.standard_normal((6, 8)).astype(np.float32) * 3
    feature = (pooled if pool == "pooled" else tokens[:, 1:].mean(1)).astype(np.float64)
    weight = head[1].weight.asnumpy()

    head.set_train(True)
    found = head(Tensor(tokens), Tensor(pooled)).asnumpy()
    normal = (feature - feature.mean(0)) / np.sqrt(feature.var(0) + 1e-6)
    np.testing.assert_allclose(found, normal @ weight.T, atol=1e-5)

    mean, var = 0.1 * feature.mean(0), 0.9 + 0.1 * feature.var(0, ddof=1)
    np.testing.assert_allclose(head[0].running_mean.asnumpy(), mean, rtol=1e-5)
    np.testing.assert_allclose(head[0].running_var.asnumpy(), var, rtol=1e-5)
    head.set_train(False)
    found = head(Tensor(tokens), Tensor(pooled)).asnumpy()
    expected = (feature - mean) / np.sqrt(var + 1e-6) @ weight.T
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_names_are_those_of_the_papers_and_the_start_is_narrow():
    head = NormedLinearHead(768, 1000, 1)
    assert {n: p.shape for n, p in head.parameters_and_names()} == {
        "0.running_mean": (768,),
        "0.running_var": (768,),
        "1.weight": (1000, 768),
        "1.bias": (1000,),
    }
    assert head[1].weight.asnumpy().std() == pytest.approx(0.01, rel=0.02)


def test_unknown_pool_is_refused():
    with pytest.raises(ConfigError, match=r"head.linear.pool: got 'meen'"):
        NormedLinearHead(8, 3, 1, pool="meen")
