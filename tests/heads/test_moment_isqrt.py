from __future__ import annotations

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, ops

from golden import fill
from mindtune.errors import ConfigError
from mindtune.heads.moment_isqrt import IsqrtMomentHead


def test_logits_follow_the_written_form():
    """The root by eigenvectors, which enough iterations must reach, in float64."""
    head = IsqrtMomentHead(20, 6, width=5, iterations=12)
    fill(head)
    rng = np.random.default_rng(0)
    tokens = rng.standard_normal((3, 40, 20)).astype(np.float32)
    pooled = rng.standard_normal((3, 20)).astype(np.float32)
    logits = head(Tensor(tokens), Tensor(pooled)).asnumpy()

    w = {p.name: p.asnumpy().astype(np.float64) for p in head.get_parameters()}
    z = tokens[:, 1:].astype(np.float64) @ w["proj.weight"].T
    z -= z.mean(1, keepdims=True)
    values, vectors = np.linalg.eigh(np.einsum("bni,bnj->bij", z, z) / z.shape[1])
    root = np.einsum("bik,bk,bjk->bij", vectors, np.sqrt(values), vectors)
    triangle = root[(slice(None), *np.triu_indices(5))]
    first = pooled @ w["classifier1.weight"].T + w["classifier1.bias"]
    second = triangle @ w["classifier2.weight"].T + w["classifier2.bias"]
    np.testing.assert_allclose(logits, (first + second) / 2, rtol=0, atol=2e-5)


def test_gradient_reaches_every_parameter_and_the_first_token_not():
    head = IsqrtMomentHead(12, 4, width=8)
    fill(head)
    rng = np.random.default_rng(1)
    tokens = Tensor(rng.standard_normal((2, 9, 12)).astype(np.float32))
    pooled = Tensor(rng.standard_normal((2, 12)).astype(np.float32))
    parameters = list(head.trainable_params())

    def loss(tokens: Tensor) -> Tensor:
        return (head(tokens, pooled) ** 2).sum()

    to_tokens, to_weights = ops.grad(loss, 0, ms.ParameterTuple(parameters))(tokens)
    assert [p.name for p in parameters] == [
        "proj.weight",
        "classifier1.weight",
        "classifier1.bias",
        "classifier2.weight",
        "classifier2.bias",
    ]
    for parameter, gradient in zip(parameters, to_weights):
        assert np.abs(gradient.asnumpy()).max() > 1e-4, parameter.name
    assert not to_tokens.asnumpy()[:, 0].any()
    assert to_tokens.asnumpy()[:, 1:].all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 1}, "head.moment_isqrt.width: got 1"),
        ({"iterations": 0}, "head.moment_isqrt.iterations: got 0"),
        ({"first_token": "kept"}, "head.moment_isqrt.first_token.*did you mean 'keep'"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        IsqrtMomentHead(16, 4, **options)
