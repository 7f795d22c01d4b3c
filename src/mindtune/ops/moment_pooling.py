"""Tokens to the normalised cross-covariances of their heads, in one operator."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from mindspore import Tensor, nn, ops
from mindspore import dtype as mstype

from mindtune.errors import check_option
from mindtune.ops.cross_covariance import (
    COLUMN_EPS,
    cross_covariance,
    normalise_columns,
    pair_sides,
)
from mindtune.ops.kernel_library import compiled
from mindtune.ops.two_paths import TwoPaths

SPLITS = ("contiguous", "strided")
CENTERINGS = ("none", "scalar", "channel")
_MEAN_AXES = {"none": (), "scalar": (2, 3), "channel": (2,)}


class MomentPooling(nn.Cell, TwoPaths):
    """LayerNorm over a head's channels, centring, cross-covariance of head pairs, unit columns.

    Inputs are tokens (B, N, H d) and LayerNorm's weight (d,) and bias (d,); the output is
    (B, P, d, d) float32, whatever float type the tokens have. With a compiled kernel the tokens are
    read once and the maps written once, and the backward pass keeps nothing but them and the
    columns' norms. Moment Probing (ICCV 2023), section 3.2; the options are those of
    ``mindtune.heads.moment.MomentHead``.

    Args:
        num_heads: H.
        pairs: left and right head of each of the P pairs.
        split: contiguous (channel c belongs to head c // d) or strided (head c mod H).
        centering: what is subtracted from each head: none, its scalar mean, or its mean by channel.
        norm_eps: of LayerNorm.

    Raises:
        ValueError: no pair, or one of heads there are not; an unknown split or centring; tokens of
            another shape, or none, when the graph is built.
        TypeError: tokens that are no floats.
    """

    def __init__(
        self,
        num_heads: int,
        pairs: Sequence[tuple[int, int]],
        split: str,
        centering: str,
        norm_eps: float,
    ) -> None:
        super().__init__()
        check_option("MomentPooling.split", split, SPLITS)
        check_option("MomentPooling.centering", centering, CENTERINGS)
        self.left, self.right = pair_sides("MomentPooling", pairs)
        if np.max(pairs) >= num_heads:
            raise ValueError(
                f"MomentPooling: got pairs {pairs}, expected heads 0 to {num_heads - 1}"
            )
        self.num_heads = num_heads
        self.strided = split == "strided"
        self.mean_axes = _MEAN_AXES[centering]
        self.normalise = ops.LayerNorm(begin_norm_axis=-1, begin_params_axis=-1, epsilon=norm_eps)
        options = [SPLITS.index(split), CENTERINGS.index(centering)]
        self.plan = Tensor(np.array([*options, *np.ravel(pairs)], np.int32))
        self.eps = Tensor(np.array([norm_eps, COLUMN_EPS], np.float32))
        library = self.choose_path()
        if library is not None:
            self.kernel = _kernel(library)

    def construct(self, tokens: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        width = self.num_heads * weight.shape[0]
        if tokens.ndim != 3 or tokens.shape[2] != width or tokens.shape[1] == 0:
            raise ValueError(
                f"MomentPooling: got tokens {tokens.shape}, expected (B, N, {width}) with N >= 1: "
                f"{self.num_heads} heads of {weight.shape[0]} channels"
            )
        tokens = self.readable(tokens)
        if self.uses_kernel:
            return self.kernel(tokens, weight, bias, self.plan, self.eps)[0]
        heads = self.heads_of(tokens, weight, bias)
        left = ops.gather(heads, self.left, 1)  # (B, P, N, d)
        right = ops.gather(heads, self.right, 1)  # (B, P, N, d)
        return normalise_columns(cross_covariance(left, right))

    def heads_of(self, tokens: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Normalised and centred heads, (B, H, N, d)."""
        b, n, width = tokens.shape
        head_dim = width // self.num_heads
        if self.strided:
            z = ops.transpose(tokens.reshape(b, n, head_dim, self.num_heads), (0, 3, 1, 2))
        else:
            z = ops.transpose(tokens.reshape(b, n, self.num_heads, head_dim), (0, 2, 1, 3))
        heads = self.normalise(z, weight, bias)[0]  # (B, H, N, d)
        if self.mean_axes:
            heads = heads - ops.mean(heads, self.mean_axes, True)
        return heads


def _kernel(library: Path) -> ops.Custom:
    """(tokens, weight, bias, plan (2 + 2 P,), eps) -> maps (B, P, d, d), column norms (B, P, d)."""

    def shapes(tokens: list, weight: list, _bias: list, plan: list, _eps: list) -> tuple:
        batch, pairs, dim = tokens[0], (plan[0] - 2) // 2, weight[0]
        return (batch, pairs, dim, dim), (batch, pairs, dim)

    def types(*_: Any) -> tuple:
        return mstype.float32, mstype.float32

    def like_three(tokens: Any, weight: Any, bias: Any, *_: Any) -> tuple:
        return tokens, weight, bias

    backward = compiled(library, "MomentPoolingGradient", like_three, like_three)

    def bprop(
        tokens: Tensor,
        weight: Tensor,
        bias: Tensor,
        plan: Tensor,
        eps: Tensor,
        out: tuple,
        dout: tuple,
    ) -> tuple:
        dtokens, dweight, dbias = backward(tokens, weight, bias, plan, eps, out[0], out[1], dout[0])
        return dtokens, dweight, dbias, ops.zeros_like(plan), ops.zeros_like(eps)

    return compiled(library, "MomentPooling", shapes, types, bprop)
