"""Class-token losses against loops over views and images."""

from __future__ import annotations

import numpy as np
import pytest
from mindspore import Tensor
from scipy.special import log_softmax

from mindtune.objectives.class_token import cross_view_loss, same_class_loss

G, V, B, K = 2, 5, 6, 7
LABELS = np.array([0, 1, 0, 2, 0, 1])
rng = np.random.default_rng(0)
TEACHER = rng.dirichlet(np.ones(K), (G, B))
STUDENT = log_softmax(rng.standard_normal((V, B, K)), -1)


def tensor(x: np.ndarray) -> Tensor:
    return Tensor(x.astype(np.float32))


def same_class(labels: np.ndarray, first: int, count: int, views: int = V) -> float:
    mine = slice(first, first + count)
    loss = same_class_loss(
        tensor(TEACHER[:, mine]),
        tensor(TEACHER.sum(0)),
        tensor(STUDENT[:views, mine]),
        Tensor(labels.astype(np.int32)),
        first,
    )
    return float(loss.asnumpy())


def by_loops(labels: np.ndarray) -> float:
    terms = []
    for q in range(G):
        for v in range(V):
            for i in range(B):
                for j in range(B):
                    same = labels[i] == labels[j] and i != j if v < G else i == j
                    if same:
                        terms.append(-TEACHER[q, i] @ STUDENT[v, j])
    return float(np.mean(terms))


def test_crops_of_an_image():
    pairs = [(q, v) for q in range(G) for v in range(V) if q != v]
    expected = np.mean([-(TEACHER[q] * STUDENT[v]).sum(-1).mean() for q, v in pairs])
    found = cross_view_loss(tensor(TEACHER), tensor(STUDENT)).asnumpy()
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("labels", [LABELS, np.arange(6), np.zeros(6)])
def test_images_of_a_class(labels):
    assert same_class(labels, 0, B) == pytest.approx(by_loops(labels), rel=1e-6)


def test_two_ranks_share_the_mean_of_all():
    """They have 1 and 3 pairs of their own, so that a mean of their means would be another."""
    shares = [same_class(LABELS, first, 3) for first in (0, 3)]
    assert np.mean(shares) == pytest.approx(by_loops(LABELS), rel=1e-6)


def test_nothing_to_compare_is_no_loss():
    assert same_class(np.arange(6), 0, B, views=G) == 0
