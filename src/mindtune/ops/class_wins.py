"""Which images of a class many linear classifiers give to it, on the host."""

from __future__ import annotations

import numpy as np

from mindtune.ops.kernel_library import call, find_library, has_matrix_product


def class_wins(
    features: np.ndarray, weights: np.ndarray, biases: np.ndarray, pairs: np.ndarray
) -> np.ndarray:
    """Whether an asked class scores above every other class of its classifier: bool (P, n).

    The score of class c of classifier e is ``<weights[e, c], x> + biases[e, c]``; a tie is no win.
    Where the CPU kernels are built and find oneDNN, scores are compared as they are made and never
    kept; elsewhere NumPy computes, with the same answer up to rounding. A GPU is not used.

    Args:
        features: float32 (n, D), contiguous.
        weights: float32 (E, N, D), contiguous, N >= 2.
        biases: float32 (E, N), contiguous.
        pairs: int32 (P, 2), contiguous: a classifier and one of its classes.
    """
    library = find_library("CPU")
    if library is None or not has_matrix_product(library) or not len(features):
        return _by_numpy(features, weights, biases, pairs)
    wins = np.empty((len(pairs), len(features)), np.uint8)
    call(library, "ClassWins", features, weights, biases, pairs, wins)
    return wins.view(bool)


def _by_numpy(
    features: np.ndarray, weights: np.ndarray, biases: np.ndarray, pairs: np.ndarray
) -> np.ndarray:
    ways = weights.shape[1]
    chosen, own = pairs.T  # (P,)
    others = (own[:, None] + np.arange(1, ways)) % ways  # (P, N - 1)
    leads = weights[chosen, own][:, None] - weights[chosen[:, None], others]  # (P, N - 1, D)
    handicaps = biases[chosen[:, None], others] - biases[chosen, own][:, None]  # (P, N - 1)
    margins = leads @ features.T  # (P, N - 1, n)
    return (margins > handicaps[:, :, None]).all(1)
