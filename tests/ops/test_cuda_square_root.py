"""The CUDA kernels of the covariance's square root."""

from __future__ import annotations

import numpy as np
import pytest

from ops.cuda_callers import ENCODE, ROUNDING, assert_near, decoded
from ops.square_root_reference import SquareRootReference


def run_square_root(operators, tokens, steps, dtriangles):
    batch, _, d = tokens.shape
    triangles, dtokens = np.empty_like(dtriangles), np.empty_like(tokens)
    plan = np.empty(2 * steps - 1, np.int32)
    iterates = np.empty((batch, plan.size, d, d), np.float32)
    operators("SquareRootCovariance", [tokens, plan], [triangles, iterates])
    inputs = [tokens, triangles, iterates, dtriangles]
    operators("SquareRootCovarianceGradient", inputs, [dtokens])
    return triangles, dtokens


def expected_square_root(tokens, steps, dtriangles):
    reference = SquareRootReference(steps)
    return reference.forward(tokens), reference.backward(dtriangles)


def random_root(shape, kind="float32"):
    rng = np.random.default_rng(2)
    tokens = ENCODE[kind](rng.standard_normal(shape) + 0.5)
    entries = shape[2] * (shape[2] + 1) // 2
    return tokens, rng.standard_normal((shape[0], entries)).astype(np.float32)


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("shape", [(2, 30, 17), (1, 40, 70), (3, 9, 1)])
def test_square_root_equals_float64(operators, shape, steps):
    tokens, dtriangles = random_root(shape)
    found = run_square_root(operators, tokens, steps, dtriangles)
    expected = expected_square_root(tokens, steps, dtriangles)
    assert_near(found[0], expected[0], 1e-6)
    assert_near(found[1], expected[1], 1e-5)


def test_gradient_of_tokens_far_from_zero_sums_to_zero(operators):
    tokens, dtriangles = random_root((1, 60, 20))
    found = run_square_root(operators, tokens + np.float32(1000), 3, dtriangles)[1]
    assert abs(found.mean(1)).max() <= 1e-6 * abs(found).max()


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_square_root_of_half_precision(operators, kind):
    tokens, dtriangles = random_root((2, 20, 18), kind)
    found = run_square_root(operators, tokens, 5, dtriangles)
    expected = expected_square_root(decoded(tokens), 5, dtriangles)
    assert_near(found[0], expected[0], 1e-6)
    assert_near(found[1], expected[1], ROUNDING[kind])


def test_square_root_of_one_token_is_nan(operators):
    tokens, dtriangles = random_root((2, 1, 6))
    for found in run_square_root(operators, tokens, 5, dtriangles):
        assert np.isnan(found).all()


def test_square_root_does_not_depend_on_which_thread_is_first(emulated_operators, monkeypatch):
    """A missing barrier would show: in one of the two orders values are read before written."""
    tokens, dtriangles = random_root((2, 40, 70))
    found = run_square_root(emulated_operators, tokens, 3, dtriangles)
    monkeypatch.setenv("CUDA_ON_CPU_ORDER", "descending")
    again = run_square_root(emulated_operators, tokens, 3, dtriangles)
    for one, other in zip(found, again):
        assert one.tobytes() == other.tobytes()
