"""Operations and bytes that a case cannot do without."""

from __future__ import annotations

from dataclasses import dataclass

from second_order.cases import ITERATIONS, Sizes, isqrt_dim

BYTES = 4


@dataclass(frozen=True)
class Counts:
    """Of one pass over a batch.

    Operations are those of matrix products and convolutions, a multiply-add being two. Bytes are
    inputs, outputs, and what the backward pass wants kept, each moved once.
    """

    operations: float
    bytes: float


def count(case: str, batch: int, sizes: Sizes) -> tuple[Counts, Counts]:
    """Forward and backward."""
    if case == "covariance":
        return _pooling(batch, sizes, kept_maps=0)
    if case == "fused":
        return _pooling(batch, sizes, kept_maps=1)
    if case == "head":
        return _head(batch, sizes)
    return _isqrt(batch, sizes.tokens, isqrt_dim(case, sizes))


def _pooling(batch: int, sizes: Sizes, kept_maps: int) -> tuple[Counts, Counts]:
    """``kept_maps``: whether backward reads the maps, and the norms of their columns."""
    product = 2 * len(sizes.pairs) * sizes.tokens * sizes.head_dim**2
    tokens, maps = sizes.tokens * sizes.width, len(sizes.pairs) * sizes.head_dim**2
    norms = kept_maps * len(sizes.pairs) * sizes.head_dim
    forward = tokens + maps + norms
    backward = 2 * tokens + (1 + kept_maps) * maps + norms
    return (
        Counts(batch * product, BYTES * batch * forward),
        Counts(batch * 2 * product, BYTES * batch * backward),
    )


def _head(batch: int, sizes: Sizes) -> tuple[Counts, Counts]:
    """The tokens' gradient is not wanted: their backbone is frozen."""
    pairs, classes = len(sizes.pairs), sizes.num_classes
    pooling = 2 * pairs * sizes.tokens * sizes.head_dim**2
    projection = 2 * sizes.tokens * sizes.in_dim * sizes.width
    first = (sizes.head_dim - 3) // 2 + 1
    second = (first - 3) // 2 + 1
    convolutions = 2 * 9 * pairs**2 * (first**2 + second**2)
    classifier1, classifier2 = 2 * sizes.in_dim * classes, 2 * sizes.features * classes
    parameters = sizes.width * sizes.in_dim + classes * (sizes.in_dim + sizes.features)
    features = (sizes.tokens + 1) * sizes.in_dim
    kept = sizes.tokens * sizes.width + pairs * sizes.head_dim**2
    operations = projection + pooling + convolutions + classifier1 + classifier2
    gradients = projection + classifier1 + 2 * (pooling + convolutions + classifier2)
    return (
        Counts(batch * operations, BYTES * (parameters + batch * (features + kept + classes))),
        Counts(batch * gradients, BYTES * (2 * parameters + batch * (features + kept + classes))),
    )


def _isqrt(batch: int, tokens: int, dim: int) -> tuple[Counts, Counts]:
    """Symmetric products count in full, and twice as many products backward as forward."""
    products = 1 + 3 * (ITERATIONS - 2) + 2
    covariance, product = 2 * tokens * dim**2, 2 * dim**3
    triangle, kept = dim * (dim + 1) // 2, (2 * ITERATIONS - 1) * dim**2
    forward = tokens * dim + triangle + kept
    backward = 2 * tokens * dim + 2 * triangle + kept
    return (
        Counts(batch * (covariance + products * product), BYTES * batch * forward),
        Counts(batch * (covariance + 2 * products * product), BYTES * batch * backward),
    )
