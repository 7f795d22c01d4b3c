from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mindspore import Tensor, ops

from mindtune.ops import cross_covariance, normalise_columns


@settings(max_examples=25, deadline=None)
@given(
    shape=st.tuples(st.integers(1, 3), st.integers(1, 4), st.integers(1, 30)),
    widths=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    seed=st.integers(0, 2**16),
)
def test_equals_float64(shape, widths, seed):
    rng = np.random.default_rng(seed)
    x, y = (rng.standard_normal((*shape, width)).astype(np.float32) for width in widths)
    wide_x, wide_y = x.astype(np.float64), y.astype(np.float64)
    expected = np.einsum("bpnd,bpne->bpde", wide_x, wide_y) / shape[2]
    found = cross_covariance(Tensor(x), Tensor(y)).asnumpy()
    # Rounding grows with the terms that cancel, not with their sum.
    bound = 1e-6 * np.einsum("bpnd,bpne->bpde", abs(wide_x), abs(wide_y)) / shape[2] + 1e-12
    assert (np.abs(found - expected) <= bound).all()


@pytest.mark.parametrize(
    ("x", "y"), [((1, 2, 3, 4), (1, 2, 5, 4)), ((2, 3, 4), (2, 3, 4)), ((1, 1, 0, 4), (1, 1, 0, 4))]
)
def test_operands_that_do_not_match_are_refused(x, y):
    with pytest.raises(ValueError, match="cross_covariance: got shapes"):
        cross_covariance(Tensor(np.zeros(x, np.float32)), Tensor(np.zeros(y, np.float32)))


def test_columns_of_unit_norm_and_zero_columns_with_finite_gradient():
    c = np.random.default_rng(0).standard_normal((2, 1, 5, 4)).astype(np.float32)
    c[..., 2] = 0
    found = normalise_columns(Tensor(c)).asnumpy()
    norms = np.linalg.norm(found, axis=-2)
    np.testing.assert_allclose(norms[..., [0, 1, 3]], 1, rtol=1e-6)
    np.testing.assert_array_equal(found[..., 2], 0)

    def weighted(columns: Tensor) -> Tensor:
        return (normalise_columns(columns) * columns).sum()

    gradient = ops.grad(weighted)(Tensor(c)).asnumpy()
    assert np.isfinite(gradient).all()
