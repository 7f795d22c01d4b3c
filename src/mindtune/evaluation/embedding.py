"""Features in two dimensions, for the eye."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE

from mindtune.errors import DataError

_PERPLEXITY = 30.0
_FEWEST = 4  # t-SNE needs more images than its perplexity, which is above 1


@dataclass(frozen=True)
class Embedding:
    """Of N images.

    Attributes:
        tsne: float32 (N, 2); van der Maaten and Hinton, JMLR 2008, from PCA's places.
        pca: float32 (N, 2), the two directions of largest variance.
        pca_explained: shares of the variance along them, float64 (2,).
    """

    tsne: np.ndarray
    pca: np.ndarray
    pca_explained: np.ndarray


def embed(features: np.ndarray, seed: int) -> Embedding:
    """Of ``features`` (N, D), each first made of length 1, as the k-NN evaluation compares them.

    Perplexity is 30, less for fewer than 91 images.

    Raises:
        DataError: fewer than 4 images.
    """
    if len(features) < _FEWEST:
        raise DataError(
            f"embedding: got {len(features)} images, expected at least {_FEWEST}; raise "
            "--pictures.images, or take another split"
        )
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    unit = features / np.maximum(lengths, 1e-12)
    pca = PCA(n_components=2, svd_solver="full")
    places = pca.fit_transform(unit)
    tsne = TSNE(
        n_components=2,
        perplexity=min(_PERPLEXITY, (len(unit) - 1) / 3),
        learning_rate="auto",
        init="pca",
        random_state=seed,
    ).fit_transform(unit)
    return Embedding(
        tsne.astype(np.float32), places.astype(np.float32), pca.explained_variance_ratio_
    )
