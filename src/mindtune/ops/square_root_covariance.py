"""iSQRT-COV: the matrix square root of the tokens' covariance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from mindspore import Tensor, nn, ops
from mindspore import dtype as mstype

from mindtune.ops.kernel_library import compiled
from mindtune.ops.two_paths import TwoPaths


class SquareRootCovariance(nn.Cell, TwoPaths):
    """Upper triangle of the square root of a covariance: (B, N, d) -> (B, d (d + 1) / 2) float32.

    The covariance of channels, centred over tokens and divided by N, is divided by its trace, goes
    through ``iterations`` coupled Newton-Schulz steps, and is multiplied by the square root of its
    trace; of the result the upper triangle is kept, row by row. Li et al., "Towards Faster Training
    of Global Covariance Pooling Networks by Iterative Matrix Square Root Normalization", CVPR 2018.
    Tokens that are all equal have no root to take: the output is NaN.

    Args:
        dim: d.
        iterations: Newton-Schulz steps; the authors' networks use five.

    Raises:
        ValueError: no channel or no step; tokens of another shape, or a single one, when the graph
            is built.
        TypeError: tokens that are no floats.
    """

    def __init__(self, dim: int, iterations: int = 5) -> None:
        super().__init__()
        if dim < 1 or iterations < 1:
            raise ValueError(
                f"SquareRootCovariance: got dim {dim} and iterations {iterations}, expected at "
                "least 1 of each"
            )
        self.dim = dim
        self.iterations = iterations
        rows, columns = np.triu_indices(dim)
        self.triangle = Tensor((rows * dim + columns).astype(np.int32))
        self.identity = Tensor(np.eye(dim, dtype=np.float32))
        self.iterates = Tensor(np.zeros(2 * iterations - 1, np.int32))  # its length says how many
        library = self.choose_path()
        if library is not None:
            self.kernel = _kernel(library)

    def construct(self, tokens: Tensor) -> Tensor:
        if tokens.ndim != 3 or tokens.shape[2] != self.dim or tokens.shape[1] < 2:
            raise ValueError(
                f"SquareRootCovariance: got tokens {tokens.shape}, expected (B, N, {self.dim}) "
                "with N >= 2"
            )
        tokens = self.readable(tokens)
        if self.uses_kernel:
            return self.kernel(tokens, self.iterates)[0]
        centred = tokens - ops.mean(tokens, 1, True)  # (B, N, d)
        covariance = ops.bmm(ops.transpose(centred, (0, 2, 1)), centred) / tokens.shape[1]
        root = self.root_of(covariance).reshape(tokens.shape[0], -1)  # (B, d d)
        return ops.gather(root, self.triangle, 1)

    def root_of(self, covariance: Tensor) -> Tensor:
        """Square root of symmetric (B, d, d)."""
        trace = ops.sum(covariance * self.identity, dim=(1, 2), keepdim=True)  # (B, 1, 1)
        y = covariance / trace
        correction = 1.5 * self.identity - 0.5 * y
        z = correction
        y = ops.bmm(y, correction)
        for step in range(1, self.iterations):
            correction = 1.5 * self.identity - 0.5 * ops.bmm(z, y)
            y = ops.bmm(y, correction)
            if step + 1 < self.iterations:
                z = ops.bmm(correction, z)
        return y * ops.sqrt(trace)


def _kernel(library: Path) -> ops.Custom:
    """(tokens, plan (I,)) -> triangles (B, d (d + 1) / 2), iterates (B, I, d, d)."""

    def shapes(tokens: list, plan: list) -> tuple:
        batch, dim = tokens[0], tokens[2]
        return (batch, dim * (dim + 1) // 2), (batch, plan[0], dim, dim)

    def types(*_: Any) -> tuple:
        return mstype.float32, mstype.float32

    def like_tokens(tokens: Any, *_: Any) -> Any:
        return tokens

    backward = compiled(library, "SquareRootCovarianceGradient", like_tokens, like_tokens)

    def bprop(tokens: Tensor, plan: Tensor, out: tuple, dout: tuple) -> tuple:
        return backward(tokens, out[0], out[1], dout[0]), ops.zeros_like(plan)

    return compiled(library, "SquareRootCovariance", shapes, types, bprop)
