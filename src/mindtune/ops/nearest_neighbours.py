"""The rows of largest inner product with each query, over any number of rows, on the host."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mindtune.ops.kernel_library import call, find_library

_QUERIES_AT_ONCE = 256  # by NumPy: a block of products stays in the processor's cache
_ROWS_AT_ONCE = 4096
_NO_ROW = np.iinfo(np.int32).max

Nearest = tuple[np.ndarray, np.ndarray]


class NearestNeighbours:
    """The ``k`` rows of largest inner product with each of Q queries, rows coming block by block.

    Memory beside the queries is that of the answer, whatever the number of rows: products are never
    kept. Of rows with equal products the lower number wins, so that the answer does not depend on
    the blocks. Where the CPU kernels are built, they compute and choose in one pass, on as many
    threads as OpenMP gives; elsewhere NumPy does, with the same answer up to rounding. A GPU is not
    used.

    Args:
        queries: float32 (Q, D).
        k: rows wanted; with fewer seen, the answer has fewer.

    Raises:
        ValueError: queries that are no such array, or k below 1.
    """

    def __init__(self, queries: np.ndarray, k: int) -> None:
        if queries.ndim != 2 or queries.dtype != np.float32 or queries.shape[1] < 1 or k < 1:
            raise ValueError(
                f"NearestNeighbours: got {queries.dtype} queries {queries.shape} and k {k}, "
                "expected float32 (Q, D) and k >= 1"
            )
        self.queries = np.ascontiguousarray(queries)
        self.k = k
        self.library = find_library("CPU")
        self.rows_seen = 0
        self.products = np.full((len(queries), k), -np.inf, np.float32)
        self.rows = np.full((len(queries), k), _NO_ROW, np.int32)

    def add(self, rows: np.ndarray) -> None:
        """Look through ``rows``, float32 (M, D), finite; they are numbered on from the last call's.

        Raises:
            ValueError: rows of another width or type, or more than int32 can number.
        """
        if rows.ndim != 2 or rows.dtype != np.float32 or rows.shape[1] != self.queries.shape[1]:
            raise ValueError(
                f"NearestNeighbours: got {rows.dtype} rows {rows.shape}, expected float32 "
                f"(M, {self.queries.shape[1]})"
            )
        if self.rows_seen + len(rows) > _NO_ROW:
            raise ValueError(f"NearestNeighbours: got more than {_NO_ROW} rows")
        if len(rows) and len(self.queries):
            if self.library is None:
                self._add_by_numpy(rows)
            else:
                self._add_by_kernel(self.library, np.ascontiguousarray(rows))
        self.rows_seen += len(rows)

    def _add_by_kernel(self, library: Path, rows: np.ndarray) -> None:
        first = np.array([self.rows_seen], np.int32)
        call(library, "KeepNearest", self.queries, rows, first, self.products, self.rows)

    def _add_by_numpy(self, rows: np.ndarray) -> None:
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            block = rows[start : start + _ROWS_AT_ONCE]
            for begin in range(0, len(self.queries), _QUERIES_AT_ONCE):
                part = slice(begin, begin + _QUERIES_AT_ONCE)
                products = self.queries[part] @ block.T
                self.products[part], self.rows[part] = _better(
                    self.products[part], self.rows[part], products, self.rows_seen + start
                )

    def found(self) -> Nearest:
        """Products float32 and numbers of rows int32, both (Q, min(k, rows seen)), best first."""
        count = min(self.k, self.rows_seen)
        return _first(self.products, self.rows, count)


def merge_nearest(answers: Sequence[Nearest], k: int) -> Nearest:
    """The best ``k`` of several answers on the same queries, rows already numbered in common."""
    products, rows = (np.concatenate(parts, axis=1) for parts in zip(*answers))
    return _first(products, rows, min(k, products.shape[1]))


def _first(products: np.ndarray, rows: np.ndarray, count: int) -> Nearest:
    """The ``count`` best of each query, best first, equal products by row."""
    order = np.lexsort((rows, -products), axis=1)[:, :count]
    return np.take_along_axis(products, order, axis=1), np.take_along_axis(rows, order, axis=1)


def _better(kept: np.ndarray, rows: np.ndarray, products: np.ndarray, first: int) -> Nearest:
    """The best of what is ``kept``, best first, and of the products with rows ``first`` and on.

    After the first blocks hardly any product passes the comparison, so that nearly nothing is left
    to sort. Sorting is stable and what came first stands first: equal products keep their order.
    """
    queries, columns = np.nonzero(products > kept[:, -1:])
    counts = np.bincount(queries, minlength=len(kept))
    place = np.arange(len(queries)) - np.repeat(np.cumsum(counts) - counts, counts)
    k, most = kept.shape[1], int(counts.max(initial=0))
    candidates = np.full((len(kept), k + most), -np.inf, np.float32)
    numbers = np.full((len(kept), k + most), _NO_ROW, np.int32)
    candidates[:, :k], numbers[:, :k] = kept, rows
    candidates[queries, k + place] = products[queries, columns]
    numbers[queries, k + place] = first + columns
    order = np.argsort(-candidates, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(candidates, order, axis=1), np.take_along_axis(numbers, order, axis=1)
