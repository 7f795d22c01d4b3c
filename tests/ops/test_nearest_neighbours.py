from __future__ import annotations

import numpy as np
import pytest

from mindtune.ops import nearest_neighbours
from mindtune.ops.nearest_neighbours import NearestNeighbours, merge_nearest


@pytest.fixture(params=["kernel", "NumPy"])
def _path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "NumPy":
        monkeypatch.setattr(nearest_neighbours, "find_library", lambda device: None)
        monkeypatch.setattr(nearest_neighbours, "_QUERIES_AT_ONCE", 7)
        monkeypatch.setattr(nearest_neighbours, "_ROWS_AT_ONCE", 11)
    elif nearest_neighbours.find_library("CPU") is None:
        pytest.skip("the kernels are not built")


def draw(queries: int, rows: int, dim: int) -> tuple[np.ndarray, np.ndarray]:
    """Whole numbers, whose products are exact and often equal."""
    both = np.random.default_rng(0).integers(-2, 3, (queries + rows, dim)).astype(np.float32)
    return both[:queries], both[queries:]


def search(queries: np.ndarray, blocks: list[np.ndarray], k: int) -> tuple:
    nearest = NearestNeighbours(queries, k)
    for block in blocks:
        nearest.add(block)
    return nearest.found()


def by_hand(queries: np.ndarray, rows: np.ndarray, k: int) -> list[list[tuple[float, int]]]:
    """(product, row) of the best of each query; the lower row where products are equal."""
    answers = []
    for query in queries:
        scored = [(float(query @ row), number) for number, row in enumerate(rows)]
        answers.append(sorted(scored, key=lambda pair: (-pair[0], pair[1]))[:k])
    return answers


@pytest.mark.usefixtures("_path")
@pytest.mark.parametrize("blocks", [1, 3])
@pytest.mark.parametrize("k", [1, 5, 60, 100])
def test_the_best_rows_with_ties_by_number(k, blocks) -> None:
    queries, rows = draw(20, 60, 5)
    products, numbers = search(queries, np.array_split(rows, blocks), k)
    assert (products.dtype, numbers.dtype) == (np.float32, np.int32)
    pairs = [list(zip(*both)) for both in zip(products.tolist(), numbers.tolist())]
    assert pairs == by_hand(queries, rows, k)


@pytest.mark.usefixtures("_path")
def test_rows_that_are_parts_of_a_larger_array() -> None:
    queries, rows = draw(6, 30, 8)
    products, numbers = search(queries[:, ::2], [rows[:, ::2]], 3)
    pairs = [list(zip(*both)) for both in zip(products.tolist(), numbers.tolist())]
    assert pairs == by_hand(queries[:, ::2], rows[:, ::2], 3)


@pytest.mark.usefixtures("_path")
@pytest.mark.parametrize(("queries", "rows"), [(0, 4), (3, 0)])
def test_nothing_to_look_for_or_at(queries, rows) -> None:
    x, y = draw(queries, rows, 2)
    products, numbers = search(x, [y], 3)
    assert products.shape == numbers.shape == (queries, min(3, rows))


def test_shares_of_the_rows_give_what_all_of_them_give() -> None:
    queries, rows = draw(9, 50, 4)
    shares = []
    for rank in range(3):
        products, numbers = search(queries, [rows[rank::3]], 10)
        shares.append((products, numbers * 3 + rank))
    merged, whole = merge_nearest(shares, 10), search(queries, [rows], 10)
    for found, wanted in zip(merged, whole):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize(
    ("queries", "k"),
    [(np.zeros((2, 3)), 1), (np.zeros(3, np.float32), 1), (np.zeros((2, 3), np.float32), 0)],
)
def test_queries_that_are_none(queries, k) -> None:
    with pytest.raises(ValueError, match="expected float32"):
        NearestNeighbours(queries, k)


@pytest.mark.parametrize("rows", [np.zeros((2, 4), np.float32), np.zeros((2, 3))])
def test_rows_that_do_not_fit(rows) -> None:
    with pytest.raises(ValueError, match=r"expected float32 \(M, 3\)"):
        NearestNeighbours(np.zeros((1, 3), np.float32), 1).add(rows)
