from __future__ import annotations

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, ops

from golden import assert_golden, fill, golden_input
from mindtune.errors import ConfigError
from mindtune.heads.moment import MomentHead, map_side
from mindtune.heads.pairing import head_pairs
from moment_reference import MomentReference


def test_head_gives_the_golden_logits():
    head = MomentHead(768, 10)
    fill(head)
    logits = head(golden_input("tokens", (2, 197, 768)), golden_input("cls", (2, 768)))
    assert_golden(logits, "Moment_Probing_ViT(in_dim=768,K=10)")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"centering": "channel"},
        {"centering": "none", "first_token": "keep"},
        {"split": "strided", "pairing": "one"},
        {"pairing": "all"},
        {"pairing": "half"},
    ],
    ids=str,
)
def test_logits_and_gradients_equal_a_float64_derivation(options):
    head = MomentHead(20, 6, width=64, num_heads=4, **options)
    fill(head)
    rng = np.random.default_rng(3)
    tokens, pooled, weights = (
        rng.standard_normal(shape).astype(np.float32) for shape in ((3, 9, 20), (3, 20), (3, 6))
    )
    parameters = list(head.trainable_params())

    def weighted(tokens: Tensor, pooled: Tensor) -> tuple[Tensor, Tensor]:
        logits = head(tokens, pooled)
        return (logits * Tensor(weights)).sum(), logits

    differentiate = ops.value_and_grad(
        weighted, (0, 1), ms.ParameterTuple(parameters), has_aux=True
    )
    (_, logits), (inputs, trained) = differentiate(Tensor(tokens), Tensor(pooled))

    reference = MomentReference(head, options)
    expected, backward = reference.run(tokens, pooled, weights)
    np.testing.assert_allclose(logits.asnumpy(), expected, rtol=1e-5, atol=1e-6)
    found = {p.name: g for p, g in zip(parameters, trained)}
    found.update({"tokens": inputs[0], "pooled": inputs[1]})
    assert found.keys() == backward.keys()
    for name, gradient in found.items():
        # Centring by channel makes the gradient of the LayerNorm's bias exactly zero.
        scale = max(np.abs(backward[name]).max(), 1e-4)
        np.testing.assert_allclose(
            gradient.asnumpy(), backward[name], rtol=0, atol=2e-5 * scale, err_msg=name
        )


def test_strided_split_is_a_permutation_of_the_projection():
    contiguous = MomentHead(12, 5, width=32, num_heads=4)
    strided = MomentHead(12, 5, width=32, num_heads=4, split="strided")
    fill(contiguous)
    fill(strided)
    order = np.arange(32).reshape(4, 8).T.reshape(-1)  # strided channel -> contiguous channel
    strided.proj.weight.set_data(Tensor(contiguous.proj.weight.asnumpy()[order]))
    strided.proj.bias.set_data(Tensor(contiguous.proj.bias.asnumpy()[order]))
    rng = np.random.default_rng(0)
    tokens = Tensor(rng.standard_normal((2, 7, 12)).astype(np.float32))
    pooled = Tensor(rng.standard_normal((2, 12)).astype(np.float32))
    np.testing.assert_allclose(
        strided(tokens, pooled).asnumpy(), contiguous(tokens, pooled).asnumpy(), atol=1e-6
    )


@pytest.mark.parametrize(("first_token", "matters"), [("drop", False), ("keep", True)])
def test_first_token_counts_only_when_kept(first_token, matters):
    head = MomentHead(12, 5, width=32, num_heads=2, first_token=first_token)
    fill(head)
    rng = np.random.default_rng(0)
    tokens = rng.standard_normal((2, 7, 12)).astype(np.float32)
    pooled = Tensor(rng.standard_normal((2, 12)).astype(np.float32))
    before = head(Tensor(tokens), pooled).asnumpy()
    tokens[:, 0] += 1
    assert np.array_equal(head(Tensor(tokens), pooled).asnumpy(), before) is not matters


def test_columns_have_unit_norm():
    head = MomentHead(12, 5, width=32, num_heads=4)
    fill(head)
    tokens = Tensor(np.random.default_rng(0).standard_normal((2, 7, 12)).astype(np.float32))
    norms = np.linalg.norm(head.second_moments(tokens).asnumpy(), axis=-2)
    np.testing.assert_allclose(norms, np.ones_like(norms), rtol=1e-5)


@pytest.mark.parametrize(
    ("classes", "expected"),
    [(100, 759_446), (102, 766_752), (200, 1_124_746), (555, 2_421_561), (1000, 4_047_146)],
)
def test_parameter_counts_of_the_paper_head(classes, expected):
    assert sum(p.size for p in MomentHead(768, classes).get_parameters()) == expected
    assert expected == 3653 * classes + 394_146


@pytest.mark.parametrize(("head_dim", "side"), [(7, 1), (8, 1), (32, 7), (128, 31)])
def test_map_side_follows_from_the_convolutions(head_dim, side):
    assert map_side(head_dim) == side


def test_pairs():
    pairs = {name: head_pairs(name, 4) for name in ("near", "half")}
    assert pairs == {"near": [(0, 1), (1, 2), (2, 3)], "half": [(0, 2), (1, 3)]}
    assert head_pairs("one", 3) == [(0, 1), (0, 2)]
    assert head_pairs("all", 3) == [(0, 1), (0, 2), (1, 2)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_heads": 3}, "head.moment.num_heads: got 3"),
        ({"num_heads": 1}, "head.moment.num_heads: got 1"),
        ({"width": 24}, "got 6 channels a head"),
        ({"pairing": "nearest"}, "head.moment.pairing: got 'nearest'.*did you mean 'near'"),
        ({"centering": "median"}, "head.moment.centering"),
        ({"pairing": "half", "num_heads": 3, "width": 33}, "even number"),
    ],
)
def test_impossible_options_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        MomentHead(16, 4, **{"width": 64, **options})
