"""The C entry points of attention against float64, for every instruction set of this processor."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from ops.agreement import assert_agrees
from ops.attention_cases import NOTHING, Attending, attend, attendings
from ops.kernel_caller import INSTRUCTION_SETS, Kernels, needs_kernels, refusal
from ops.kernel_cases import kernels

pytestmark = needs_kernels
on_every_instruction_set = pytest.mark.parametrize("instruction_set", INSTRUCTION_SETS)


@settings(max_examples=100, deadline=None)
@given(kernels=kernels, case=attendings())
def test_any_shape(kernels, case):
    assert_agrees(case.found(kernels), case.expected)


@on_every_instruction_set
@pytest.mark.parametrize(
    "case",
    [
        Attending(2, 197, 3, 64),
        Attending(2, 197, 3, 64, bias=(1, 3)),
        Attending(8, 49, 3, 32, bias=(1, 3), mask=(4, 1)),
        Attending(2, 77, 2, 64, is_causal=True),
        Attending(1, 600, 1, 80, spread=4),
        Attending(200, 5, 2, 7, bias=(1, 1)),  # sums over more samples and heads than runs
    ],
    ids=str,
)
def test_sizes_of_use(instruction_set, case):
    assert_agrees(case.found(Kernels(instruction_set, threads=2)), case.expected)


@on_every_instruction_set
@pytest.mark.parametrize("size", range(1, 41))
def test_every_remainder_of_a_vector(instruction_set, size):
    kernels = Kernels(instruction_set, fresh=True)
    for case in (
        Attending(2, size, 2, 7 + size % 8, bias=(2, 1), mask=(1, 2)),
        Attending(2, 7 + size % 8, 2, size, bias=(1, 2)),
    ):
        assert_agrees(case.found(kernels), case.expected)


@on_every_instruction_set
@pytest.mark.parametrize(
    "case",
    [
        Attending(1, 130, 1, 9),
        Attending(5, 37, 3, 21, mask=(5, 3)),
        Attending(6, 17, 2, 8, bias=(3, 2)),
        Attending(70, 9, 2, 7, bias=(1, 1)),
    ],
    ids=str,
)
def test_the_number_of_threads_changes_no_bit(instruction_set, case):
    expected = case.found(Kernels(instruction_set, threads=1))
    for threads in (1, 2, 2, 3):
        found = case.found(Kernels(instruction_set, threads=threads))
        for name, values in found.items():
            np.testing.assert_array_equal(values, expected[name], err_msg=name)


@on_every_instruction_set
def test_a_key_that_the_mask_excludes_has_no_part(instruction_set):
    """Not even where it is NaN in a product, or larger than all others."""
    qkv, scale, bias, mask, dout = Attending(2, 20, 2, 5, is_causal=True).inputs()
    clean = attend(Kernels(instruction_set), qkv, scale, bias, mask, dout)
    changed = qkv.copy()
    changed[:, 12:] *= 1e3
    found = attend(Kernels(instruction_set), changed, scale, bias, mask, dout)
    np.testing.assert_array_equal(found["out"][:, :12], clean["out"][:, :12])
    np.testing.assert_array_equal(found["dqkv"][:, :12, :10], clean["dqkv"][:, :12, :10])


@on_every_instruction_set
def test_scores_too_large_for_exp(instruction_set):
    """Only their distance from the largest counts."""
    qkv, scale, bias, mask, dout = Attending(2, 20, 2, 5, bias=(1, 2)).inputs()
    near = attend(Kernels(instruction_set), qkv, scale, bias, mask, dout)
    far = attend(Kernels(instruction_set), qkv, scale, bias + np.float32(1024), mask, dout)
    np.testing.assert_allclose(far["out"], near["out"], atol=2e-4)  # 1024 + x rounds x to 6e-5
    assert np.isfinite(far["dqkv"]).all()


@on_every_instruction_set
def test_nan_stays_in_its_head(instruction_set):
    case = Attending(3, 20, 2, 5)
    qkv, *others = case.inputs()
    clean = case.found(Kernels(instruction_set, threads=2))
    qkv[1, 4, 17] = np.nan  # a key of head 1
    found = attend(Kernels(instruction_set, threads=2), qkv, *others)
    assert np.isnan(found["out"][1, :, 5:]).all()
    for name in ("out", "dqkv"):
        np.testing.assert_array_equal(found[name][[0, 2]], clean[name][[0, 2]])
    np.testing.assert_array_equal(found["out"][1, :, :5], clean["out"][1, :, :5])


@on_every_instruction_set
def test_a_row_without_keys_is_nan(instruction_set):
    """As the softmax of MindSpore and PyTorch has it."""
    qkv, scale, bias, mask, dout = Attending(1, 9, 1, 4, mask=(1, 1)).inputs()
    mask[0, 0, 3] = -np.inf
    found = attend(Kernels(instruction_set), qkv, scale, bias, mask, dout)
    assert np.isnan(found["out"][0, 3]).all()
    assert np.isfinite(np.delete(found["out"], 3, 1)).all()


def zeros(*shape: int, dtype: type = np.float32) -> np.ndarray:
    return np.zeros(shape, dtype)


@pytest.mark.parametrize(
    ("position", "wrong", "message"),
    [
        (0, zeros(2, 5, 13), "three times the heads divide"),
        (0, zeros(0, 5, 12), "at least one sample"),
        (0, zeros(2, 5, 12, dtype=np.float16), "float32 as argument 0, got float16"),
        (1, zeros(0), "at least one sample, token and head"),
        (1, zeros(2, 1), "1 dimensions of argument 1"),
        (2, zeros(2), "another shape of argument 2"),
        (2, zeros(1, 2, 5, 4), "another shape of argument 2"),
        (2, zeros(1, 3, 5, 5), "another shape of argument 2"),
        (3, zeros(3, 1, 5, 5), "groups that divide the samples"),
        (3, zeros(0, 1, 5, 5), "groups that divide the samples"),
        (3, zeros(1, 5, 5), "4 dimensions of argument 3"),
        (4, zeros(2, 5, 5), "another shape of argument 4"),
        (5, zeros(2, 2, 4), "another shape of argument 5"),
        (6, zeros(2, 5, 12), "another shape of argument 6"),
        (7, zeros(2, 5, 4), "another shape of argument 7"),
        (8, zeros(1), "another shape of argument 8"),
        (9, zeros(1, 2, 5, 5), "another shape of argument 9"),
    ],
)
def test_what_is_refused(position, wrong, message):
    qkv, out, log_sums, scale = zeros(2, 5, 12), zeros(2, 5, 4), zeros(2, 2, 5), zeros(2)
    arguments = [qkv, scale, NOTHING, NOTHING, out, log_sums, out, qkv, scale, NOTHING]
    arguments[position] = wrong
    said = refusal("AttentionGradient", *arguments)
    assert "AttentionGradient: expected " in said
    assert message in said
    if position < 6:
        assert message in refusal("Attention", *arguments[:6])
