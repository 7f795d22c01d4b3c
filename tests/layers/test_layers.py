from __future__ import annotations

import numpy as np
import pytest
from mindspore import Tensor, nn, ops
from scipy.special import erf, softmax

from mindtune.errors import ConfigError
from mindtune.layers.activations import GELU
from mindtune.layers.attention import Attention
from mindtune.layers.norm import LayerNorm
from mindtune.layers.patch_embed import PatchEmbed, add_positions


def test_gelu_is_the_exact_one_in_value_and_slope():
    x = np.linspace(-6, 6, 201).astype(np.float32)
    wide = x.astype(np.float64)
    cdf = 0.5 * (1 + erf(wide / np.sqrt(2)))
    slope = cdf + wide * np.exp(-wide * wide / 2) / np.sqrt(2 * np.pi)
    np.testing.assert_allclose(GELU()(Tensor(x)).asnumpy(), wide * cdf, atol=5e-7)
    np.testing.assert_allclose(ops.grad(GELU())(Tensor(x)).asnumpy(), slope, atol=1e-6)


@pytest.mark.parametrize("eps", [1e-6, 1e-2])
def test_layer_norm_puts_eps_inside_the_root(eps):
    rng = np.random.default_rng(0)
    x = (0.1 * rng.standard_normal((3, 5, 8))).astype(np.float32)
    norm = LayerNorm(8, eps)
    scale, shift = rng.standard_normal((2, 8)).astype(np.float32)
    norm.weight.set_data(Tensor(scale))
    norm.bias.set_data(Tensor(shift))
    wide = x.astype(np.float64)
    expected = (wide - wide.mean(-1, keepdims=True)) / np.sqrt(wide.var(-1, keepdims=True) + eps)
    np.testing.assert_allclose(
        norm(Tensor(x)).asnumpy(), expected * scale + shift, rtol=1e-4, atol=1e-5
    )


def test_patch_projection_is_the_convolution_with_its_parameters():
    rng = np.random.default_rng(0)
    embed = PatchEmbed(12, 4, 6)
    weight = rng.standard_normal((6, 3, 4, 4)).astype(np.float32)
    bias = rng.standard_normal(6).astype(np.float32)
    embed.proj.weight.set_data(Tensor(weight))
    embed.proj.bias.set_data(Tensor(bias))
    conv = nn.Conv2d(3, 6, 4, stride=4, pad_mode="valid", has_bias=True)
    conv.weight.set_data(Tensor(weight))
    conv.bias.set_data(Tensor(bias))
    images = Tensor(rng.standard_normal((2, 3, 12, 12)).astype(np.float32))
    expected = conv(images).asnumpy().reshape(2, 6, 9).transpose(0, 2, 1)
    np.testing.assert_allclose(embed(images).asnumpy(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("lead", [(), (1,)], ids=["(T, C)", "(1, T, C)"])
def test_positions_are_the_same_for_every_sample(lead):
    rng = np.random.default_rng(0)
    tokens = rng.standard_normal((3, 5, 4), np.float32)
    positions = rng.standard_normal((*lead, 5, 4), np.float32)
    found = add_positions(Tensor(tokens), Tensor(positions)).asnumpy()
    np.testing.assert_array_equal(found, tokens + positions)
    half = add_positions(Tensor(tokens.astype(np.float16)), Tensor(positions)).asnumpy()
    np.testing.assert_array_equal(half, tokens.astype(np.float16) + positions)


def test_attention_equals_its_definition():
    rng = np.random.default_rng(0)
    layer = Attention(12, 3)
    for parameter in layer.get_parameters():
        parameter.set_data(Tensor(0.3 * rng.standard_normal(parameter.shape).astype(np.float32)))
    x = rng.standard_normal((2, 5, 12)).astype(np.float32)
    w = {name: p.asnumpy().astype(np.float64) for name, p in layer.parameters_and_names()}
    qkv = (x @ w["qkv.weight"].T + w["qkv.bias"]).reshape(2, 5, 3, 3, 4)
    q, k, v = qkv.transpose(2, 0, 3, 1, 4)
    mixed = softmax(q @ k.transpose(0, 1, 3, 2) / 2.0, axis=-1) @ v
    expected = mixed.transpose(0, 2, 1, 3).reshape(2, 5, 12) @ w["proj.weight"].T + w["proj.bias"]
    np.testing.assert_allclose(layer(Tensor(x)).asnumpy(), expected, rtol=1e-5, atol=1e-6)


def test_heads_must_divide_the_width():
    with pytest.raises(ConfigError, match="num_heads: got 5, expected a divisor of the width 12"):
        Attention(12, 5)
