from __future__ import annotations

import numpy as np
import pytest

from mindtune.ops import class_wins as module
from mindtune.ops.class_wins import class_wins


@pytest.fixture(params=["kernel", "NumPy"], autouse=True)
def _path(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    library = module.find_library("CPU")
    if request.param == "NumPy":
        monkeypatch.setattr(module, "find_library", lambda device: None)
    elif library is None or not module.has_matrix_product(library):
        pytest.skip("the kernels are not built, or find no oneDNN")


def by_hand(features, weights, biases, pairs) -> list[list[bool]]:
    rows = []
    for classifier, label in pairs:
        scores = features @ weights[classifier].T + biases[classifier]  # (n, N)
        rows.append([all(row[label] > np.delete(row, label)) for row in scores])
    return rows


def test_wins_are_those_of_one_image_at_a_time() -> None:
    """Whole numbers, whose scores are exact and often equal: a tie is no win."""
    rng = np.random.default_rng(0)
    features, weights, biases = (
        rng.integers(-2, 3, shape).astype(np.float32) for shape in ((30, 6), (8, 4, 6), (8, 4))
    )
    pairs = rng.permutation(np.indices((8, 4)).reshape(2, -1).T).astype(np.int32)[:20]
    wins = class_wins(features, weights, biases, pairs)
    assert wins.dtype == bool
    assert wins.tolist() == by_hand(features, weights, biases, pairs)


def test_no_images() -> None:
    zeros = np.zeros((2, 3, 4), np.float32)
    pairs = np.zeros((5, 2), np.int32)
    assert class_wins(zeros[0, :0], zeros, zeros[:, :, 0].copy(), pairs).shape == (5, 0)
