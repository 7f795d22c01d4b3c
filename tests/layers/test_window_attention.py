"""Attention inside windows against its definition in float64."""

from __future__ import annotations

import numpy as np
import pytest
from mindspore import Tensor, ops
from scipy.special import softmax

from mindtune.layers.cosine_window_attention import CosineWindowAttention, log_spaced_offsets
from mindtune.layers.relative_position import relative_position_index
from mindtune.layers.window_attention import WindowAttention
from mindtune.layers.windows import Windows

WINDOWS = Windows(12, (4, 4), (2, 2), (1, 1))
INDEX = relative_position_index(2, 2)


def layer_and_weights(kind, scale=0.5):
    rng = np.random.default_rng(3)
    layer = kind(12, 3, WINDOWS)
    for parameter in layer.get_parameters():
        value = scale * rng.standard_normal(parameter.shape)
        if parameter.name.endswith("logit_scale"):
            value = np.array([1.0, 4.0, 9.0]).reshape(3, 1, 1)  # the last one is above ln 100
        parameter.set_data(Tensor(value.astype(np.float32)))
    x = rng.standard_normal((8, 4, 12)).astype(np.float32)  # two images of four windows
    named = {name: p.asnumpy().astype(np.float64) for name, p in layer.parameters_and_names()}
    return layer, named, x


def expected(w, x, scores, packed):
    """What follows from ``scores`` (8, 3, 4, 4) and the packed projection."""
    v = packed.reshape(8, 4, 3, 3, 4).transpose(2, 0, 3, 1, 4)[2]
    scores = scores + np.tile(WINDOWS.mask(), (2, 1, 1))[:, None]
    mixed = (softmax(scores, -1) @ v).transpose(0, 2, 1, 3).reshape(8, 4, 12)
    return mixed @ w["proj.weight"].T + w["proj.bias"]


def test_window_attention_equals_its_definition():
    layer, w, x = layer_and_weights(WindowAttention)
    packed = x @ w["qkv.weight"].T + w["qkv.bias"]
    q, k, _ = packed.reshape(8, 4, 3, 3, 4).transpose(2, 0, 3, 1, 4)
    bias = w["relative_position_bias_table"][INDEX].transpose(2, 0, 1)
    scores = q @ k.transpose(0, 1, 3, 2) / 2.0 + bias
    found = layer(Tensor(x)).asnumpy()
    np.testing.assert_allclose(found, expected(w, x, scores, packed), rtol=1e-4, atol=1e-5)


def test_cosine_window_attention_equals_its_definition():
    layer, w, x = layer_and_weights(CosineWindowAttention)
    bias = np.concatenate([w["q_bias"], np.zeros(12), w["v_bias"]])
    packed = x @ w["qkv.weight"].T + bias
    q, k, _ = packed.reshape(8, 4, 3, 3, 4).transpose(2, 0, 3, 1, 4)
    unit_q, unit_k = (a / np.linalg.norm(a, axis=-1, keepdims=True) for a in (q, k))
    hidden = log_spaced_offsets((2, 2)) @ w["cpb_mlp.0.weight"].T + w["cpb_mlp.0.bias"]
    table = np.maximum(hidden, 0) @ w["cpb_mlp.2.weight"].T
    scale = np.minimum(np.exp(w["logit_scale"]), 100)
    scores = unit_q @ unit_k.transpose(0, 1, 3, 2) * scale
    scores = scores + 16 / (1 + np.exp(-table))[INDEX].transpose(2, 0, 1)
    found = layer(Tensor(x)).asnumpy()
    np.testing.assert_allclose(found, expected(w, x, scores, packed), rtol=1e-3, atol=2e-4)


@pytest.mark.parametrize("kind", [WindowAttention, CosineWindowAttention])
def test_every_parameter_has_a_gradient(kind):
    layer, _, x = layer_and_weights(kind, 0.1)
    parameters = list(layer.get_parameters())
    weights = Tensor(np.random.default_rng(4).standard_normal(x.shape).astype(np.float32))

    def weighted(tokens):
        return ops.sum(layer(tokens) * weights)

    gradients = ops.grad(weighted, None, tuple(parameters))(Tensor(x))
    # A scale above its limit has none: the third of logit_scale.
    assert all(np.abs(g.asnumpy()).max() > 0 for g in gradients)
    assert all(np.isfinite(g.asnumpy()).all() for g in gradients)
