"""Second-order pooling: the cross-covariance of head pairs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mindspore import Tensor, nn, ops
from mindspore import dtype as mstype

from mindtune.ops.kernel_library import compiled
from mindtune.ops.two_paths import TwoPaths

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


def pair_sides(what: str, pairs: Sequence[tuple[int, int]]) -> tuple[Tensor, Tensor]:
    """Left and right head of each of the P pairs, (P,) each, for ``ops.gather``.

    Raises:
        ValueError: no pair, or a head below 0, which a gather would not refuse.
    """
    if len(pairs) == 0 or np.min(pairs) < 0:
        raise ValueError(f"{what}: got pairs {pairs}, expected at least one, of heads from 0 on")
    left, right = (Tensor(np.array(side, np.int32)) for side in zip(*pairs))
    return left, right


class HeadCrossCovariance(nn.Cell, TwoPaths):
    """Cross-covariances of pairs among H heads: (B, H, N, d) -> (B, P, d, d), float32.

    What ``cross_covariance`` computes, without copying the heads that several pairs share.

    Args:
        pairs: left and right head of each of the P pairs.

    Raises:
        ValueError: no pair, or a head below 0; heads that are no (B, H, N, d), or without tokens,
            when the graph is built.
        TypeError: heads that are no floats.
    """

    def __init__(self, pairs: Sequence[tuple[int, int]]) -> None:
        super().__init__()
        self.left, self.right = pair_sides("HeadCrossCovariance", pairs)
        self.least_heads = int(np.max(pairs)) + 1
        self.plan = Tensor(np.ravel(pairs).astype(np.int32))
        library = self.choose_path()
        if library is not None:
            self.kernel = _kernel(library)

    def construct(self, heads: Tensor) -> Tensor:
        if heads.ndim != 4 or heads.shape[1] < self.least_heads or heads.shape[2] == 0:
            raise ValueError(
                f"HeadCrossCovariance: got heads {heads.shape}, expected (B, H, N, d) with "
                f"H >= {self.least_heads} and N >= 1"
            )
        heads = self.readable(heads)
        if self.uses_kernel:
            return self.kernel(heads, self.plan)
        left = ops.gather(heads, self.left, 1)  # (B, P, N, d)
        right = ops.gather(heads, self.right, 1)  # (B, P, N, d)
        return cross_covariance(left, right)


def _kernel(library: Path) -> ops.Custom:
    """(heads, plan (2 P,)) -> maps."""

    def shapes(heads: list, plan: list) -> tuple:
        return heads[0], plan[0] // 2, heads[3], heads[3]

    def like_heads(heads: Any, *_: Any) -> Any:
        return heads

    backward = compiled(library, "CrossCovarianceGradient", like_heads, like_heads)

    def bprop(heads: Tensor, plan: Tensor, out: Tensor, dout: Tensor) -> tuple:
        return backward(heads, plan, dout), ops.zeros_like(plan)

    def type_of_maps(*_: Any) -> Any:
        return mstype.float32

    return compiled(library, "CrossCovariance", shapes, type_of_maps, bprop)
