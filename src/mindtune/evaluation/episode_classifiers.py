"""What few-shot episodes are classified by, made from their support images."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression

from mindtune.evaluation.episode_scoring import LinearClassifiers
from mindtune.evaluation.episodes import Episodes, FeatureBank

_SMALLEST_NORM = 1e-12


def prototypes(bank: FeatureBank, episodes: Episodes, seed: int) -> LinearClassifiers:
    """The class whose mean support feature has the largest cosine with the query.

    Snell et al., NeurIPS 2017, with cosines; SMKD's ``cosine``. Support features are added up as
    they are, by a sparse matrix: gathered one by one they would be K times the result. ``seed`` has
    no influence.
    """
    count, ways, shots = episodes.support.shape
    rows = np.arange(count * ways + 1) * shots  # where each class of each episode begins
    ones = np.ones(episodes.support.size, np.float32)
    shape = (count * ways, len(bank.features))
    sums = csr_matrix((ones, episodes.support.reshape(-1), rows), shape) @ bank.features  # (EN, D)
    norms = np.sqrt(np.einsum("ij,ij->i", sums, sums))[:, None]
    sums /= np.maximum(norms, _SMALLEST_NORM)
    return LinearClassifiers(sums.reshape(count, ways, -1), np.zeros((count, ways), np.float32))


def logistic_regressions(bank: FeatureBank, episodes: Episodes, seed: int) -> LinearClassifiers:
    """scikit-learn's multinomial logistic regression (L2 penalty, C = 1) on the features.

    Tian et al., ECCV 2020 (RFS); no protocol of SMKD. ``seed`` has no influence.
    """
    supports = bank.features[episodes.support]  # (E, N, K, D)
    count, ways, shots, width = supports.shape
    labels = np.repeat(np.arange(ways), shots)
    weights = np.zeros((count, ways, width), np.float32)
    biases = np.zeros((count, ways), np.float32)
    fitted = slice(1, None) if ways == 2 else slice(None)  # of two classes it scores the second
    for index in range(count):
        model = LogisticRegression(C=1.0, max_iter=1000)
        model.fit(supports[index].reshape(-1, width), labels)  # (NK, D)
        weights[index, fitted] = model.coef_
        biases[index, fitted] = model.intercept_
    return LinearClassifiers(weights, biases)
