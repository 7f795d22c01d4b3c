"""What few-shot episodes are classified by, made from their support images."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression

from mindtune.evaluation.episode_scoring import LinearClassifiers
from mindtune.evaluation.episodes import Episodes, FeatureBank

_SMALLEST_NORM = 1e-12


def prototypes(bank: FeatureBank, episodes: Episodes, seed: int) -> LinearClassifiers:
    """The class whose mean support feature has the largest cosine with the query.

    Snell et al., NeurIPS 2017, with cosines; SMKD's ``cosine``. Support features are averaged as
    they are. ``seed`` has no influence.
    """
    means = bank.features[episodes.support].mean(2)  # (E, N, D)
    norms = np.linalg.norm(means, axis=-1, keepdims=True)
    weights = means / np.maximum(norms, _SMALLEST_NORM)
    return LinearClassifiers(weights, np.zeros(weights.shape[:2], np.float32))


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
