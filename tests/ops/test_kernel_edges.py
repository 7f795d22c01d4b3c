"""Inputs at the edge of what the kernels are for: NaN, Inf, columns of zeros, one token."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import erfc

from ops.kernel_caller import INSTRUCTION_SETS, Kernels, needs_kernels, plan_of
from ops.kernel_cases import Cross, Pooling, Shrink, SquareRoot
from ops.pooling_reference import PoolingReference

pytestmark = [needs_kernels, pytest.mark.parametrize("instruction_set", INSTRUCTION_SETS)]

CENTERINGS = ("none", "scalar", "channel")
# Fewer samples than threads, and more.
BATCHES = (1, 3)


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("centering", CENTERINGS)
def test_moments_of_what_is_not_finite_are_nan_in_its_sample_alone(
    instruction_set, batch, value, centering
):
    case = Pooling(batch, 10, 5, 3, [(0, 1), (2, 0)], centering=centering)
    kernels = Kernels(instruction_set, threads=2)
    tokens, weight, bias, dmaps = case.inputs()
    plan = plan_of(case.pairs, case.split, case.centering)
    clean = kernels.pool(tokens, weight, bias, plan, dmaps)
    tokens[0, 4, 7] = value  # of head 1
    found = kernels.pool(tokens, weight, bias, plan, dmaps)
    assert np.isnan(found["maps"][0, 0]).any(axis=0).all()  # every column of the pair (0, 1)
    assert np.isnan(found["dtokens"][0, 4, 5:10]).all()
    assert np.isnan(found["dweight"]).all()
    np.testing.assert_array_equal(found["maps"][0, 1], clean["maps"][0, 1])
    for name in ("maps", "dtokens"):
        np.testing.assert_array_equal(found[name][1:], clean[name][1:])


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_cross_covariances_of_what_is_not_finite_are_not_finite(instruction_set, value):
    case = Cross(3, 10, 5, 2, [(0, 1)])
    kernels = Kernels(instruction_set, threads=2)
    heads, dmaps = case.inputs()
    pairs = np.array([0, 1], np.int32)
    clean = kernels.cross(heads, pairs, dmaps)
    heads[0, 0, 4, 2] = value
    found = kernels.cross(heads, pairs, dmaps)
    assert not np.isfinite(found["maps"][0, 0, 2]).any()
    assert not np.isfinite(found["dheads"][0, 1, 4]).any()
    np.testing.assert_array_equal(
        np.delete(found["maps"][0, 0], 2, 0), np.delete(clean["maps"][0, 0], 2, 0)
    )
    np.testing.assert_array_equal(found["maps"][1:], clean["maps"][1:])


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_square_roots_of_what_is_not_finite_are_nan_in_its_sample_alone(
    instruction_set, batch, value
):
    case = SquareRoot(batch, 10, 5)
    kernels = Kernels(instruction_set, threads=2)
    tokens, dtriangles = case.inputs()
    clean = kernels.square_root(tokens, 5, dtriangles)
    tokens[0, 4, 2] = value
    found = kernels.square_root(tokens, 5, dtriangles)
    assert np.isnan(found["triangles"][0]).all()
    assert np.isnan(found["dtokens"][0]).all()
    for name in ("triangles", "dtokens"):
        np.testing.assert_array_equal(found[name][1:], clean[name][1:])


@pytest.mark.parametrize("batch", BATCHES)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_maps_that_are_not_finite_spoil_their_sample_alone(instruction_set, batch, value):
    case = Shrink(batch, 2, 11)
    kernels = Kernels(instruction_set, threads=2)
    maps, *others = case.inputs()
    clean = kernels.shrink(maps, *others)
    maps[0, 1, 5, 5] = value
    found = kernels.shrink(maps, *others)
    assert not np.isfinite(found["shrunk"][0]).any()  # 2 x 2 entries, which all see the middle
    assert not np.isfinite(found["dfirst"]).all()
    for name in ("shrunk", "dmaps"):
        np.testing.assert_array_equal(found[name][1:], clean[name][1:])


def test_gelu_far_out(instruction_set):
    """Where 1 + erf has no digits left: values that unit taps lead through the convolutions."""
    reach = np.linspace(-12, 12, 1200, dtype=np.float32)
    maps = np.zeros((len(reach), 1, 7, 7), np.float32)
    maps[:, 0, 0, 0] = reach
    first, second = np.zeros((2, 1, 1, 3, 3), np.float32)
    first[0, 0, 0, 0] = second[0, 0, 0, 0] = 1
    ones = np.ones((len(reach), 1, 1, 1), np.float32)
    found = Kernels(instruction_set).shrink(maps, first, second, ones)
    x = reach.astype(np.float64)
    cdf = erfc(-x / np.sqrt(2)) / 2
    slope = cdf + x * np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)
    # The tail's logarithm is x^2 / 2, whose rounding error is the tail's relative one.
    bound = 2.0**-23 * (3 + x**2 / 2)
    assert (np.abs(found["shrunk"].ravel() - x * cdf) <= bound * np.abs(x * cdf)).all()
    terms = cdf + np.abs(slope - cdf)
    assert (np.abs(found["dmaps"][:, 0, 0, 0] - slope) <= bound * terms).all()


def test_tokens_that_are_all_equal_have_no_square_root(instruction_set):
    tokens = np.ones((2, 6, 5), np.float32)
    tokens[1] += SquareRoot(1, 6, 5).inputs()[0][0]
    found = Kernels(instruction_set).square_root(tokens, 3, np.ones((2, 15), np.float32))
    assert np.isnan(found["triangles"][0]).all()
    assert np.isfinite(found["triangles"][1]).all()
    assert np.isfinite(found["dtokens"][1]).all()


def test_a_column_of_zeros_stays_one_and_its_gradient_finite(instruction_set):
    """A channel whose weight and bias are zero, which LayerNorm makes exactly zero."""
    case = Pooling(2, 20, 6, 2, [(0, 1)], centering="none")
    tokens, weight, bias, dmaps = case.inputs()
    weight[3] = bias[3] = 0
    plan = plan_of(case.pairs, case.split, case.centering)
    found = Kernels(instruction_set).pool(tokens, weight, bias, plan, dmaps)
    reference = PoolingReference(2, case.pairs, case.split, case.centering)
    np.testing.assert_allclose(found["maps"], reference.forward(tokens, weight, bias), atol=1e-6)
    assert not found["maps"][..., 3].any()
    for name, expected in zip(("dtokens", "dweight", "dbias"), reference.backward(dmaps)):
        # Dividing the column by 1e-12 makes the gradient of its channel large, and of no other.
        scale = np.abs(expected) + np.median(np.abs(expected))
        assert np.isfinite(found[name]).all()
        assert (np.abs(found[name] - expected) <= 1e-5 * scale).all(), name


@pytest.mark.parametrize("centering", CENTERINGS)
def test_one_token(instruction_set, centering):
    """Of rank one: its columns are one and the same vector, but for the sign."""
    case = Pooling(2, 1, 7, 2, [(0, 1)], centering=centering)
    maps = case.found(Kernels(instruction_set))["maps"]
    if centering == "channel":
        assert not maps.any()
    else:
        np.testing.assert_allclose(np.abs(maps), np.repeat(np.abs(maps[..., :1]), 7, 3), atol=1e-6)


def test_one_channel_in_a_head(instruction_set):
    """LayerNorm leaves its bias alone, and its map is 1: no gradient but rounding's."""
    case = Pooling(3, 50, 1, 2, [(0, 1)], centering="none")
    found = case.found(Kernels(instruction_set))
    np.testing.assert_allclose(found["maps"], 1, rtol=1e-6)
    assert not found["dtokens"].any()
    assert not found["dweight"].any()
    _, _, bias, dmaps = case.inputs()
    assert np.abs(found["dbias"]) <= 1e-6 * np.abs(dmaps).sum() / np.abs(bias)
