"""The C entry point KeepNearest. Small whole numbers have exact products, and many equal ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.kernel_caller import INSTRUCTION_SETS, Kernels, needs_kernels, refusal

pytestmark = needs_kernels

NO_ROW = 2**31 - 1
ONE = np.zeros(1, np.int32)


def whole_numbers(seed: int, queries: int, rows: int, dim: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    draw = rng.integers(-2, 3, (queries + rows, dim)).astype(np.float32)
    return draw[:queries], draw[queries:]


def expected(queries: np.ndarray, rows: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """All products, sorted; of equal ones the first row."""
    products = queries.astype(np.float64) @ rows.T.astype(np.float64)
    order = np.argsort(-products, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(products, order, axis=1), order


def found(
    kernels: Kernels, queries: np.ndarray, blocks: list[np.ndarray], k: int
) -> tuple[np.ndarray, np.ndarray]:
    values = np.full((len(queries), k), -np.inf, np.float32)
    numbers = np.full((len(queries), k), NO_ROW, np.int32)
    first = 0
    for block in blocks:
        start = np.array([first], np.int32)
        kernels.call("KeepNearest", queries, np.ascontiguousarray(block), start, values, numbers)
        first += len(block)
    order = np.lexsort((numbers, -values), axis=1)
    return tuple(np.take_along_axis(array, order, axis=1) for array in (values, numbers))


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    instruction_set=st.sampled_from(INSTRUCTION_SETS),
    fresh=st.booleans(),
    threads=st.integers(1, 3),
    queries=st.integers(1, 70),
    rows=st.integers(1, 90),
    dim=st.integers(1, 40),
    k=st.integers(1, 12),
    cut=st.floats(0, 1),
)
def test_the_best_rows_are_kept(
    seed, instruction_set, fresh, threads, queries, rows, dim, k, cut
) -> None:
    x, y = whole_numbers(seed, queries, rows, dim)
    blocks = [block for block in np.split(y, [round(cut * rows)]) if len(block)]
    products, numbers = found(Kernels(instruction_set, threads, fresh), x, blocks, k)
    right = expected(x, y, k)
    count = min(k, rows)
    np.testing.assert_array_equal(products[:, :count], right[0])
    np.testing.assert_array_equal(numbers[:, :count], right[1])
    assert (products[:, count:] == -np.inf).all()
    assert (numbers[:, count:] == NO_ROW).all()


@pytest.mark.parametrize("instruction_set", INSTRUCTION_SETS)
def test_several_rounds_of_wide_queries(instruction_set) -> None:
    """More panels than a thread holds at once, and sums made of several runs."""
    x, y = whole_numbers(0, 400, 40, 900)
    for threads in (1, 2):
        products, numbers = found(Kernels(instruction_set, threads), x, [y[:7], y[7:]], 5)
        right = expected(x, y, 5)
        np.testing.assert_array_equal(products, right[0])
        np.testing.assert_array_equal(numbers, right[1])


@pytest.mark.parametrize("instruction_set", INSTRUCTION_SETS)
def test_neither_threads_nor_blocks_change_a_bit(instruction_set) -> None:
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal((n, 300)).astype(np.float32) for n in (45, 130))
    products, numbers = found(Kernels(instruction_set), x, [y], 20)
    right = expected(x, y, 20)
    np.testing.assert_allclose(products, right[0], rtol=1e-5, atol=1e-5)
    for threads in (1, 2, 3):
        for blocks in ([y], np.array_split(y, 7)):
            again = found(Kernels(instruction_set, threads), x, blocks, 20)
            np.testing.assert_array_equal(again[0], products)
            np.testing.assert_array_equal(again[1], numbers)


def zeros(*shape: int, dtype: type = np.float32) -> np.ndarray:
    return np.zeros(shape, dtype)


@pytest.mark.parametrize(
    ("position", "wrong", "message"),
    [
        (0, zeros(0, 4), "at least one query"),
        (0, zeros(3, 4, dtype=np.float64), "float32 as argument 0"),
        (1, zeros(0, 4), "at least one query, row and channel"),
        (1, zeros(5, 3), "another shape of argument 1"),
        (2, zeros(2, dtype=np.int32), "another shape of argument 2"),
        (2, np.array([-1], np.int32), "that int32 holds"),
        (2, np.array([NO_ROW - 4], np.int32), "that int32 holds"),
        (3, zeros(3, 0), "at least one neighbour"),
        (3, zeros(2, 2), "another shape of argument 3"),
        (4, zeros(3, 1, dtype=np.int32), "another shape of argument 4"),
        (4, zeros(3, 2), "int32 as argument 4"),
    ],
)
def test_what_is_refused(position, wrong, message) -> None:
    arguments = [zeros(3, 4), zeros(5, 4), ONE, zeros(3, 2), zeros(3, 2, dtype=np.int32)]
    arguments[position] = wrong
    said = refusal("KeepNearest", *arguments)
    assert "KeepNearest: expected " in said
    assert message in said
