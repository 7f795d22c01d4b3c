"""Patch losses of SMKD against loops over images and patches."""

from __future__ import annotations

import numpy as np
import pytest
from mindspore import Tensor
from scipy.special import log_softmax, softmax

from mindtune.data.class_pairs import filled, members, partners
from mindtune.errors import ConfigError
from mindtune.objectives.patch_matching import create_matching
from mindtune.objectives.prototype_rows import PrototypeRows

LABELS = np.array([0, 1, 0, 2, 0, 1])
B, N, C, D, K = len(LABELS), 4, 8, 5, 7
rng = np.random.default_rng(0)


def units(*shape: int) -> np.ndarray:
    x = rng.standard_normal(shape)
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


STUDENT, TEACHER = units(2, B, N, C), units(2, B, N, C)
STUDENT_ROWS, TEACHER_ROWS = units(2, B, N, D), units(2, B, N, D)
ATTENTION = rng.dirichlet(np.ones(N), (2, B))
PROTOTYPES, TEACHER_PROTOTYPES = rng.standard_normal((2, K, D))
CENTRE = rng.standard_normal((1, K))
TEMP = 0.3
LOG_P = log_softmax(STUDENT_ROWS @ PROTOTYPES.T / 0.1, -1)  # (2, B, N, K)
TARGET = softmax((TEACHER_ROWS @ TEACHER_PROTOTYPES.T - CENTRE) / TEMP, -1)


def partners_of(i: int) -> list[int]:
    return [j for j in range(B) if j != i and LABELS[j] == LABELS[i]]


def paper(attention: np.ndarray) -> float:
    """Mean over images with partners and orders of views of the mean over partners."""
    means = []
    for s, t in ((0, 1), (1, 0)):
        for i in filter(partners_of, range(B)):
            ce = []
            for j in partners_of(i):
                for p in range(N):
                    m = int(np.argmax(STUDENT[s, j] @ TEACHER[t, i, p]))
                    ce.append(-attention[t, i, p] * TARGET[t, i, p] @ LOG_P[s, j, m])
            means.append(np.sum(ce) / len(partners_of(i)))
    return float(np.mean(means))


def released(attention: np.ndarray, own: bool) -> float:
    """Spec, section 4, a) to d): with the four faults of the released code."""
    alpha, beta = STUDENT.sum(-1), TEACHER.sum(-1)
    total, count = 0.0, 0
    for s, t in ((0, 1), (1, 0)):
        for i in range(B):
            group = [j for j in range(B) if LABELS[j] == LABELS[i]]
            used = group if own else partners_of(i)
            if not used:
                continue
            for j in used:
                for p in range(N):
                    m = int(np.argmax(alpha[s, j] * beta[t, i, p]))
                    ce = -TARGET[s, j, p] @ LOG_P[s, group[0], m]
                    total += attention[t, j, p] * ce / (1 if own else len(used))
            count += 1
    return total / count


def found(name: str, attention: np.ndarray, pairs: tuple[np.ndarray, np.ndarray]) -> float:
    def flat(x: np.ndarray, width: int) -> Tensor:
        return Tensor(x.reshape(-1, *x.shape[-width:]).astype(np.float32))

    listed = [Tensor(column) for column in filled(pairs, len(pairs[0]) + 3)]
    rows = create_matching(name)(flat(STUDENT, 2), flat(TEACHER, 2), flat(attention, 1), *listed)
    loss = PrototypeRows(0.1, 5)
    constants = [Tensor(x.astype(np.float32)) for x in (TEACHER_PROTOTYPES, CENTRE, np.array(TEMP))]
    teacher = flat(TEACHER_ROWS, 1)
    prototypes = Tensor(PROTOTYPES.astype(np.float32))
    value, _, _ = loss(flat(STUDENT_ROWS, 1), prototypes, teacher, *constants, *rows)
    return float(value.asnumpy())


EQUAL = np.full((2, B, N), 1 / N)


@pytest.mark.parametrize("attention", [EQUAL, ATTENTION], ids=["equal", "attention"])
def test_the_paper_s_matching(attention):
    assert found("paper", attention, partners(LABELS)) == pytest.approx(paper(attention), rel=1e-5)


@pytest.mark.parametrize("own", [False, True], ids=["partners", "members"])
def test_the_released_matching(own):
    attention = ATTENTION if own else EQUAL
    pairs = members(LABELS) if own else partners(LABELS)
    assert found("released", attention, pairs) == pytest.approx(released(attention, own), rel=1e-5)


def test_ranks_share_the_pairs_of_all_images():
    """Two ranks of three images: every pair once, weights as in one rank of six."""
    alone, weights = partners(LABELS)
    expected = {(i, j): w for (i, j, _), w in zip(alone.tolist(), weights)}
    shared = {}
    for first in (0, 3):
        pairs, weights = partners(LABELS, first, 3)
        shared.update({(i, first + j): w / 2 for (i, j, _), w in zip(pairs.tolist(), weights)})
    assert shared == pytest.approx(expected)
    assert sum(shared.values()) == pytest.approx(0.5)


def test_no_pair_in_a_batch_of_different_classes():
    pairs, weights = filled(partners(np.arange(6)), 4)
    assert pairs.shape == (4, 3)
    assert not weights.any()


def test_unknown_matching():
    with pytest.raises(ConfigError, match="patch_match: got 'papr'.*did you mean 'paper'"):
        create_matching("papr")
