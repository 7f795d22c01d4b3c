"""Second-order pooling: the cross-covariance of head pairs."""

from __future__ import annotations

from mindspore import Tensor, ops

COLUMN_EPS = 1e-12  # smallest norm a column is divided by


def cross_covariance(x: Tensor, y: Tensor) -> Tensor:
    """``C[b, p] = x[b, p]^T y[b, p] / N``: (B, P, N, d) and (B, P, N, e) -> (B, P, d, e).

    Centre x and y first where a covariance rather than a second moment is wanted. Moment Probing
    (ICCV 2023), section 3.2.

    Raises:
        ValueError: operands that are no matching (B, P, N, d), or without tokens.
    """
    if x.ndim != 4 or y.ndim != 4 or x.shape[1:3] != y.shape[1:3] or x.shape[2] == 0:
        raise ValueError(  # a graph can raise Python's own exceptions only
            f"cross_covariance: got shapes {x.shape} and {y.shape}, expected (B, P, N, d) and "
            "(B, P, N, e) with equal B, P and N >= 1"
        )
    # Transposing first keeps the product in the layout which MindSpore's CPU kernel is fast in.
    x_by_channel = ops.transpose(x, (0, 1, 3, 2))  # (B, P, d, N)
    return ops.bmm(x_by_channel, y) / x.shape[2]  # (B, P, d, e)


def normalise_columns(c: Tensor, eps: float = COLUMN_EPS) -> Tensor:
    """Divide each column of (..., d, e) by its L2 norm, or by ``eps`` where that is larger."""
    # The clamp acts on the square, whose gradient stays finite for a zero column.
    square = ops.sum(c * c, dim=-2, keepdim=True)
    return c / ops.sqrt(ops.maximum(square, eps * eps))
