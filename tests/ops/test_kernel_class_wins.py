"""The C entry point ClassWins. Small whole numbers have exact scores, and many equal ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.kernel_caller import Kernels, needs_kernels, refusal
from ops.one_dnn import needs_one_dnn

pytestmark = [needs_kernels, needs_one_dnn]

Arrays = tuple[np.ndarray, ...]


def whole_numbers(seed: int, images: int, classifiers: int, ways: int, dim: int) -> Arrays:
    """Features, weights, biases, and every pair in random order."""
    rng = np.random.default_rng(seed)
    shapes = (images, dim), (classifiers, ways, dim), (classifiers, ways)
    pairs = np.indices((classifiers, ways)).reshape(2, -1).T
    numbers = [rng.integers(-2, 3, shape).astype(np.float32) for shape in shapes]
    return *numbers, np.ascontiguousarray(rng.permutation(pairs).astype(np.int32))


def expected(features: np.ndarray, weights: np.ndarray, biases: np.ndarray, pairs) -> np.ndarray:
    scores = np.einsum("ecd,nd->ecn", weights.astype(int), features.astype(int))
    scores += biases.astype(int)[:, :, None]
    rows = []
    for classifier, label in pairs:
        others = np.delete(scores[classifier], label, axis=0).max(0)
        rows.append(scores[classifier, label] > others)
    return np.array(rows)


def found(kernels: Kernels, features, weights, biases, pairs) -> np.ndarray:
    wins = np.full((len(pairs), len(features)), 7, np.uint8)
    kernels.call("ClassWins", features, weights, biases, pairs, wins)
    return wins


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    fresh=st.booleans(),
    threads=st.integers(1, 3),
    images=st.integers(1, 60),
    classifiers=st.integers(1, 20),
    ways=st.integers(2, 9),
    dim=st.integers(1, 40),
)
def test_the_class_of_the_largest_score_wins(
    seed, fresh, threads, images, classifiers, ways, dim
) -> None:
    arrays = whole_numbers(seed, images, classifiers, ways, dim)
    wins = found(Kernels(threads=threads, fresh=fresh), *arrays)
    np.testing.assert_array_equal(wins, expected(*arrays))


@pytest.mark.parametrize(("images", "ways"), [(1300, 3), (20, 300)])
def test_several_parts_whatever_the_threads(images, ways) -> None:
    """More images than a tile holds, more pairs, and more classes than rows of a tile."""
    arrays = whole_numbers(0, images, 200 if ways < 10 else 2, ways, 33)
    right = expected(*arrays)
    assert 0 < right.mean() < 1
    for threads in (1, 2, 3):
        np.testing.assert_array_equal(found(Kernels(threads=threads), *arrays), right)


def zeros(*shape: int, dtype: type = np.float32) -> np.ndarray:
    return np.zeros(shape, dtype)


@pytest.mark.parametrize(
    ("position", "wrong", "message"),
    [
        (0, zeros(0, 4), "at least one image and channel"),
        (0, zeros(3, 4, dtype=np.float64), "float32 as argument 0"),
        (1, zeros(2, 1, 4), "at least two classes"),
        (1, zeros(2, 5, 3), "another shape of argument 1"),
        (2, zeros(2, 4), "another shape of argument 2"),
        (3, zeros(6, 3, dtype=np.int32), "another shape of argument 3"),
        (3, zeros(6, 2), "int32 as argument 3"),
        (3, np.full((6, 2), 2, np.int32), "pairs of a classifier and one of its classes"),
        (3, np.full((6, 2), -1, np.int32), "pairs of a classifier and one of its classes"),
        (4, zeros(6, 2, dtype=np.uint8), "another shape of argument 4"),
        (4, zeros(6, 3), "uint8 as argument 4"),
    ],
)
def test_what_is_refused(position, wrong, message) -> None:
    pairs, wins = zeros(6, 2, dtype=np.int32), zeros(6, 3, dtype=np.uint8)
    arguments = [zeros(3, 4), zeros(2, 5, 4), zeros(2, 5), pairs, wins]
    arguments[position] = wrong
    said = refusal("ClassWins", *arguments)
    assert "ClassWins: expected " in said
    assert message in said
