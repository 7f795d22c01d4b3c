"""Where the heads of a transformer look: distance, and how alike they are."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from mindspore import Tensor, nn

from mindtune.errors import DataError


@dataclass
class AttentionStatistics:
    """Means over images and queries, of every layer and head.

    The **distance** of a head is the mean of the distances, in pixels, between the centres of a
    query's and a key's patch, weighted by the head's attention; class tokens are neither queries
    nor keys, and what is left of each query's weights is made to sum to 1 (Dosovitskiy et al., ICLR
    2021, figure 7). The **similarity** of two heads is the cosine between their weights of the same
    query, all tokens included. Wei et al. (arXiv 2205.14141) draw both; what they do with the class
    token we do not know.

    Args:
        image_size: side of the images, pixels; patches are squares of a square grid.
        num_prefix_tokens: class tokens at the front.

    Attributes:
        images: counted so far.
        distance_sums: float64 (L, H).
        similarity_sums: float64 (L, H, H).
    """

    image_size: int
    num_prefix_tokens: int
    images: int = 0
    distance_sums: np.ndarray = field(default_factory=lambda: np.zeros(()))
    similarity_sums: np.ndarray = field(default_factory=lambda: np.zeros(()))

    def add(self, weights: Sequence[np.ndarray]) -> None:
        """Count a batch: attention weights of every layer, each (B, H, T, T)."""
        first = self.num_prefix_tokens
        rows = math.isqrt(weights[0].shape[-1] - first)
        between = patch_distances(rows, self.image_size / rows)  # (N, N)
        distances, similarities = [], []
        for layer in weights:
            patches = layer[:, :, first:, first:].astype(np.float64)
            shares = patches / patches.sum(-1, keepdims=True)
            distances.append(np.einsum("bhqk,qk->h", shares, between) / len(between))
            unit = layer / np.linalg.norm(layer, axis=-1, keepdims=True)
            cosines = np.einsum("bhqk,bgqk->hg", unit, unit, optimize=True)
            similarities.append(cosines / layer.shape[2])
        self.images += len(weights[0])
        self.distance_sums = self.distance_sums + np.stack(distances)
        self.similarity_sums = self.similarity_sums + np.stack(similarities)

    def distances(self) -> np.ndarray:
        """Pixels, float64 (L, H)."""
        return self.distance_sums / self.images

    def similarities(self) -> np.ndarray:
        """Cosines between heads, float64 (L, H, H); 1 on the diagonals."""
        return self.similarity_sums / self.images

    def mean_similarities(self) -> np.ndarray:
        """Of each layer over pairs of different heads, float64 (L,), or (0,) for a single head."""
        cosines = self.similarities()
        heads = cosines.shape[1]
        if heads == 1:
            return np.empty(0)
        others = cosines.sum((1, 2)) - np.trace(cosines, axis1=1, axis2=2)
        return others / (heads * (heads - 1))


def patch_distances(rows: int, patch_size: float) -> np.ndarray:
    """Between the centres of all patches of a square grid, pixels, float64 (N, N); row by row."""
    places = np.stack(np.divmod(np.arange(rows * rows), rows), axis=1) * patch_size  # (N, 2)
    return np.linalg.norm(places[:, None] - places[None], axis=-1)


class Attentions(nn.Cell):
    """Images (B, 3, S, S) -> the attention weights (B, H, T, T) of every block of ``backbone``."""

    def __init__(self, backbone: nn.Cell) -> None:
        super().__init__(auto_prefix=False)
        self.backbone = backbone

    def construct(self, images: Tensor) -> tuple[Tensor, ...]:
        return self.backbone.forward_attentions(images)


def measure_attention(
    backbone: nn.Cell, batches: Iterable[tuple[np.ndarray, ...]]
) -> AttentionStatistics:
    """Of ``backbone`` in evaluation mode over the (images, labels, valid) of an ``EvalLoader``.

    Raises:
        DataError: no images.
    """
    size, prefix = backbone.preprocessing.input_size, backbone.num_prefix_tokens
    found = AttentionStatistics(size, prefix)
    cell = Attentions(backbone)
    was_training = backbone.training
    cell.set_train(False)
    try:
        for images, _, valid in batches:
            keep = valid.reshape(-1).astype(bool)
            found.add([layer.asnumpy()[keep] for layer in cell(Tensor(images))])
    finally:
        cell.set_train(was_training)
    if found.images == 0:
        raise DataError("diagnose: got no images, expected at least 1; check the split")
    return found
