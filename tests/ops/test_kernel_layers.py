"""The C entry points of a transformer's layers against float64, for every instruction set."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from ops.agreement import assert_agrees
from ops.arithmetic import Arithmetic
from ops.kernel_caller import INSTRUCTION_SETS, Kernels, needs_kernels, refusal
from ops.kernel_cases import kernels
from ops.layer_cases import (
    ACTIVATIONS,
    Activation,
    ChannelMap,
    Dropout,
    Norm,
    SampleScale,
    UnitRows,
    activations,
    channel_maps,
    dropouts,
    norms,
    sample_scales,
    unit_rows,
)
from ops.layer_references import gelu, quick_gelu

pytestmark = needs_kernels
on_every_instruction_set = pytest.mark.parametrize("instruction_set", INSTRUCTION_SETS)


@settings(max_examples=40, deadline=None)
@given(kernels=kernels, case=activations())
def test_activations(kernels, case):
    assert_agrees(case.found(kernels), case.expected)


@settings(max_examples=60, deadline=None)
@given(kernels=kernels, case=norms())
def test_layer_norm(kernels, case):
    assert_agrees(case.found(kernels), case.expected)


@settings(max_examples=40, deadline=None)
@given(kernels=kernels, case=channel_maps() | sample_scales() | unit_rows())
def test_rows_times_a_number_a_channel_a_sample_or_a_row(kernels, case):
    assert_agrees(case.found(kernels), case.expected)


@settings(max_examples=40, deadline=None)
@given(kernels=kernels, case=dropouts())
def test_dropout(kernels, case):
    found, exact = case.found(kernels), case.expected(Arithmetic())
    for name, values in found.items():
        np.testing.assert_allclose(values, exact[name], rtol=1e-6, err_msg=name)


@on_every_instruction_set
@pytest.mark.parametrize("size", range(1, 41))
def test_every_remainder_of_a_vector(instruction_set, size):
    kernels = Kernels(instruction_set, fresh=True)
    rows = Norm(3, size), ChannelMap(3, size), SampleScale(3, (size,)), UnitRows(1, size)
    for case in (*rows, *(Activation(symbol, (size,)) for symbol in ACTIVATIONS)):
        assert_agrees(case.found(kernels), case.expected)


@on_every_instruction_set
@pytest.mark.parametrize(
    "case",
    [
        Norm(1, 5),
        Norm(197, 50),
        Norm(400, 77, offset=1),
        ChannelMap(400, 77),
        SampleScale(40, (11, 77)),
        UnitRows(400, 77),
        Dropout(40, (11, 77), 0.7),
        Activation("Gelu", (3, 5000)),
    ],
    ids=str,
)
def test_the_number_of_threads_changes_no_bit(instruction_set, case):
    expected = case.found(Kernels(instruction_set, threads=1))
    for threads in (2, 3):
        found = case.found(Kernels(instruction_set, threads=threads))
        for name, values in found.items():
            np.testing.assert_array_equal(values, expected[name], err_msg=name)


@on_every_instruction_set
@pytest.mark.parametrize(("symbol", "reference"), [("Gelu", gelu), ("QuickGelu", quick_gelu)])
def test_tails_keep_their_digits(instruction_set, symbol, reference):
    """Where 1 + erf or 1 - sigmoid have none left; an exponent's rounding error is relative."""
    x = np.linspace(-12, 12, 1203, dtype=np.float32)
    found, dfound = np.empty_like(x), np.empty_like(x)
    Kernels(instruction_set).call(symbol, x, found)
    Kernels(instruction_set).call(f"{symbol}Gradient", x, np.ones_like(x), dfound)
    wide = x.astype(np.float64)
    exact = reference(x, np.ones_like(x), Arithmetic())
    bound = 2.0**-23 * (4 + np.maximum(wide**2 / 2, 2 * np.abs(wide)))
    assert (np.abs(found - exact["y"]) <= bound * np.abs(exact["y"])).all()
    share = np.abs(exact["y"] / np.where(x == 0, 1, wide))
    assert (np.abs(dfound - exact["dx"]) <= bound * (np.abs(exact["dx"]) + 2 * share)).all()


@on_every_instruction_set
@pytest.mark.parametrize("symbol", ACTIVATIONS)
def test_nan_stays_and_spoils_nothing_else(instruction_set, symbol):
    x = np.linspace(-2, 2, 37, dtype=np.float32)
    clean, found = np.empty_like(x), np.empty_like(x)
    Kernels(instruction_set).call(symbol, x, clean)
    x[5] = np.nan
    Kernels(instruction_set).call(symbol, x, found)
    assert np.isnan(found[5])
    np.testing.assert_array_equal(np.delete(found, 5), np.delete(clean, 5))


@on_every_instruction_set
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_row_that_is_not_finite_spoils_itself_alone(instruction_set, value):
    rows = np.random.default_rng(0).standard_normal((4, 21)).astype(np.float32)
    ones, eps = np.ones(21, np.float32), np.array([1e-6], np.float32)

    def normed() -> np.ndarray:
        y, statistics = np.empty_like(rows), np.empty((4, 2), np.float32)
        Kernels(instruction_set).call("LayerNorm", rows, ones, ones, eps, y, statistics)
        return y

    clean = normed()
    rows[1, 3] = value
    found = normed()
    assert np.isnan(found[1]).all()
    np.testing.assert_array_equal(np.delete(found, 1, 0), np.delete(clean, 1, 0))


@on_every_instruction_set
def test_a_row_of_zeros_has_no_direction(instruction_set):
    """It stays, and its gradient is that of a division by 1e-12."""
    kernels, rows, lengths = Kernels(instruction_set), _zeros(2, 9), np.full(2, 3, np.float32)
    rows[1, 4] = 5
    y, dx, dlengths = np.empty_like(rows), np.empty_like(rows), np.empty_like(lengths)
    kernels.call("UnitRows", rows, lengths, y)
    kernels.call("UnitRowsInputGradient", rows, lengths, np.ones_like(rows), dx)
    kernels.call("UnitRowsLengthGradient", rows, np.ones_like(rows), dlengths)
    np.testing.assert_allclose(y, 3 / 5 * rows, rtol=1e-6)
    np.testing.assert_allclose(dx[0], 3e12, rtol=1e-6)
    np.testing.assert_allclose(dx[1], 3 / 5 * (np.arange(9) != 4), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(dlengths, [0, 1], rtol=1e-6)


def _zeros(*shape: int, dtype: type = np.float32) -> np.ndarray:
    return np.zeros(shape, dtype)


@pytest.mark.parametrize(
    ("symbol", "arrays", "message"),
    [
        ("Gelu", [_zeros(3), _zeros(4)], "another shape of argument 1"),
        ("Gelu", [_zeros(3, dtype=np.float16), _zeros(3)], "float32 as argument 0, got float16"),
        ("QuickGeluGradient", [_zeros(3), _zeros(3), _zeros(2)], "another shape of argument 2"),
        (
            "LayerNorm",
            [_zeros(2, 5), _zeros(4), _zeros(5), _zeros(1), _zeros(2, 5), _zeros(2, 2)],
            "another shape of argument 1",
        ),
        (
            "LayerNorm",
            [_zeros(0, 5), _zeros(5), _zeros(5), _zeros(1), _zeros(0, 5), _zeros(0, 2)],
            "at least one row",
        ),
        (
            "LayerNorm",
            [_zeros(2, 5), _zeros(5), _zeros(5), _zeros(1), _zeros(2, 5), _zeros(3, 2)],
            "another shape of argument 5",
        ),
        (
            "LayerNormGradient",
            [_zeros(2, 5), _zeros(5), _zeros(2, 2), _zeros(2, 4), _zeros(2, 5)],
            "another shape of argument 3",
        ),
        (
            "LayerNormParametersGradient",
            [_zeros(2, 5), _zeros(2, 2), _zeros(2, 5), _zeros(5), _zeros(6)],
            "another shape of argument 4",
        ),
        ("ChannelMap", [_zeros(2, 5), _zeros(4), _zeros(5), _zeros(2, 5)], "of argument 1"),
        ("ChannelMap", [_zeros(2, 5), _zeros(5), _zeros(5), _zeros(2, 4)], "of argument 3"),
        ("ChannelMapInputGradient", [_zeros(2, 5), _zeros(4), _zeros(2, 5)], "of argument 1"),
        ("RowProductsSum", [_zeros(2, 5), _zeros(3, 5), _zeros(5)], "of argument 1"),
        ("RowProductsSum", [_zeros(2, 5), _zeros(2, 5), _zeros(4)], "of argument 2"),
        ("SampleScale", [_zeros(2, 5), _zeros(5), _zeros(2, 5)], "of argument 1"),
        ("SampleScale", [_zeros(0, 5), _zeros(0), _zeros(0, 5)], "at least one sample"),
        ("SampleScaleGradient", [_zeros(2, 5), _zeros(2), _zeros(2, 4)], "of argument 2"),
        (
            "Dropout",
            [_zeros(2, 5), _zeros(2, dtype=np.int32), _zeros(1), _zeros(2, 5)],
            "a share above 0",
        ),
        (
            "DropoutGradient",
            [_zeros(2, 5), _zeros(3, dtype=np.int32), _zeros(1), _zeros(2, 5)],
            "of argument 1",
        ),
        ("UnitRows", [_zeros(2, 5), _zeros(5), _zeros(2, 5)], "of argument 1"),
        ("UnitRows", [_zeros(2, 5), _zeros(2), _zeros(2, 4)], "of argument 2"),
        ("UnitRowsInputGradient", [_zeros(2, 5), _zeros(2), _zeros(2, 4), _zeros(2, 5)], "of arg"),
        ("UnitRowsLengthGradient", [_zeros(2, 5), _zeros(2, 5), _zeros(5)], "of argument 2"),
    ],
)
def test_what_is_refused(symbol, arrays, message):
    found = refusal(symbol, *arrays)
    assert f"{symbol}: expected " in found
    assert message in found
