"""The CUDA kernels of moment pooling and of the bare cross-covariance."""

from __future__ import annotations

import functools
import itertools
from typing import NamedTuple

import numpy as np
import pytest

from ops.cuda_callers import ENCODE, ROUNDING, Operators, assert_near, decoded
from ops.pooling_reference import NORM_EPS, CrossCovarianceReference, PoolingReference, pairs_of

SPLITS, CENTERINGS = ("contiguous", "strided"), ("none", "scalar", "channel")


near, every = (functools.partial(pairs_of, pairing) for pairing in ("near", "all"))


class Pooled(NamedTuple):
    maps: np.ndarray
    norms: np.ndarray
    dtokens: np.ndarray
    dweight: np.ndarray
    dbias: np.ndarray


class Problem:
    """Random arguments of the fused operator, and its outputs."""

    def __init__(self, shape, pairs, split="contiguous", centering="scalar", kind="float32"):
        batch, count, heads, d = shape
        rng = np.random.default_rng(sum(shape))
        self.pairs, self.split, self.centering = pairs, split, centering
        self.tokens = ENCODE[kind](rng.standard_normal((batch, count, heads * d)) + 0.5)
        self.eps = np.array([NORM_EPS, 1e-12], np.float32)
        self.weight = rng.uniform(0.5, 1.5, d).astype(np.float32)
        self.bias = (0.3 * rng.standard_normal(d)).astype(np.float32)
        self.dmaps = rng.standard_normal((batch, len(pairs), d, d)).astype(np.float32)

    def run(self, operators: Operators) -> Pooled:
        options = [SPLITS.index(self.split), CENTERINGS.index(self.centering)]
        plan = np.array([*options, *itertools.chain(*self.pairs)], np.int32)
        inputs = [self.tokens, self.weight, self.bias, plan, self.eps]
        maps = np.empty_like(self.dmaps)
        norms = np.empty(self.dmaps.shape[:2] + self.weight.shape, np.float32)
        operators("MomentPooling", inputs, [maps, norms])
        gradients = [np.empty_like(a) for a in (self.tokens, self.weight, self.bias)]
        operators("MomentPoolingGradient", [*inputs, maps, norms, self.dmaps], gradients)
        return Pooled(maps, norms, *gradients)

    def expected(self) -> Pooled:
        heads, column_eps = self.tokens.shape[2] // self.weight.size, float(self.eps[1])
        reference = PoolingReference(
            heads, self.pairs, self.split, self.centering, column_eps=column_eps
        )
        maps = reference.forward(decoded(self.tokens), self.weight, self.bias)
        return Pooled(maps, reference.norms[:, :, 0], *reference.backward(self.dmaps))


def assert_pooled(found: Pooled, expected: Pooled, rounding: float) -> None:
    assert_near(found.maps, expected.maps, 1e-6)
    assert_near(found.norms, expected.norms, 1e-6)
    assert_near(found.dtokens, expected.dtokens, rounding)
    # On one scale: with channel centring the gradient of the bias is zero.
    affine = [np.stack([p.dweight, p.dbias]) for p in (found, expected)]
    assert_near(*affine, 1e-5)


@pytest.mark.parametrize("centering", CENTERINGS)
@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("pairing", [near, every])
def test_moment_pooling_equals_float64(operators, pairing, split, centering):
    problem = Problem((2, 21, 3, 20), pairing(3), split, centering)
    assert_pooled(problem.run(operators), problem.expected(), 1e-5)


@pytest.mark.parametrize(
    "shape", [(1, 1, 2, 5), (3, 1, 2, 64), (1, 70, 2, 130), (1, 270, 2, 3), (1, 16, 4, 65)]
)
@pytest.mark.parametrize("kind", ENCODE)
def test_moment_pooling_of_any_size_and_type(operators, shape, kind):
    problem = Problem(shape, near(shape[2]), centering="none", kind=kind)
    assert_pooled(problem.run(operators), problem.expected(), ROUNDING[kind])


def test_zero_columns_are_divided_by_a_constant(operators):
    problem = Problem((1, 9, 2, 6), near(2), centering="none")
    problem.weight[2] = problem.bias[2] = 0
    found = problem.run(operators)
    np.testing.assert_array_equal(found.maps[..., 2], 0)
    np.testing.assert_array_equal(found.norms[..., 2], problem.eps[1])
    assert_pooled(found, problem.expected(), 1e-5)


def test_gradient_of_columns_shorter_than_the_least_norm(operators):
    problem = Problem((1, 9, 2, 12), near(2))
    problem.eps[1] = 1.3
    found, expected = problem.run(operators), problem.expected()
    clamped = expected.norms == problem.eps[1]
    assert 0 < clamped.mean() < 1
    assert_pooled(found, expected, 1e-5)


def test_nan_stays_in_its_sample(operators):
    problem = Problem((2, 9, 3, 6), near(3))
    problem.tokens[0, 4, 1] = np.nan
    found = problem.run(operators)
    assert np.isnan(found.maps[0, 0]).all()
    assert np.isnan(found.norms[0, 0]).all()
    assert np.isfinite(found.maps[1]).all()
    assert np.isfinite(found.dtokens[1]).all()


@pytest.mark.parametrize("unknown", [(0, 2), (-1, 1)])
def test_pairs_of_unknown_heads_give_nan_and_are_left_out_of_the_gradient(operators, unknown):
    problem = Problem((1, 9, 2, 6), [(0, 1), unknown])
    found = problem.run(operators)
    assert np.isnan(found.maps[:, 1]).all()
    problem.pairs, problem.dmaps = near(2), problem.dmaps[:, :1]
    expected = problem.expected()
    assert_near(found.maps[:, :1], expected.maps, 1e-6)
    assert_near(found.dtokens, expected.dtokens, 1e-5)


def test_moment_pooling_does_not_depend_on_which_thread_is_first(emulated_operators, monkeypatch):
    """A missing barrier would show: in one of the two orders values are read before written."""
    problem = Problem((2, 40, 3, 70), every(3))
    found = problem.run(emulated_operators)
    monkeypatch.setenv("CUDA_ON_CPU_ORDER", "descending")
    for one, other in zip(found, problem.run(emulated_operators)):
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("shape", [(2, 2, 1, 3), (2, 3, 20, 33), (1, 2, 70, 70)])
@pytest.mark.parametrize("kind", ENCODE)
def test_cross_covariance_equals_float64(operators, shape, kind):
    rng = np.random.default_rng(1)
    pairs = [*every(shape[1]), (1, 0), (1, 1)]
    heads, plan = ENCODE[kind](rng.standard_normal(shape)), np.ravel(pairs).astype(np.int32)
    maps = np.empty((shape[0], len(pairs), shape[3], shape[3]), np.float32)
    operators("CrossCovariance", [heads, plan], [maps])
    reference = CrossCovarianceReference(pairs)
    assert_near(maps, reference.forward(decoded(heads)), 1e-6)

    dmaps, dheads = rng.standard_normal(maps.shape).astype(np.float32), np.empty_like(heads)
    operators("CrossCovarianceGradient", [heads, plan, dmaps], [dheads])
    assert_near(dheads, reference.backward(dmaps), ROUNDING[kind])


@pytest.mark.parametrize(
    ("kind", "edge"),
    [
        ("float16", [0, 2**-24, 3 * 2**-24, 2**-14, 1 + 2**-10, 65504, np.inf]),
        ("bfloat16", [0, 2**-133, 2**-126, 1 + 2**-7, 3e38, np.inf]),
    ],
)
def test_edges_of_half_precision_pass_through_unchanged(operators, kind, edge):
    """With a partner of ones, the map is the tokens; with one map entry, so is the gradient."""
    values = ENCODE[kind](np.array([*edge, *(-np.array(edge))], np.float64))
    ones = ENCODE[kind](np.ones(values.size))
    for value, one in zip(values, ones):
        heads, plan = np.array([value, one]).reshape(1, 2, 1, 1), np.array([0, 1], np.int32)
        maps, dheads = np.empty((1, 1, 1, 1), np.float32), np.empty_like(heads)
        operators("CrossCovariance", [heads, plan], [maps])
        expected = decoded(value.reshape(1)).item()
        assert maps.item() == expected
        operators("CrossCovarianceGradient", [heads, plan, maps], [dheads])
        assert decoded(dheads[0, 0, 0]).item() == expected
