"""The cases in PyTorch, in several forms each. Imported only where PyTorch is installed."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from second_order.cases import COLUMN_EPS, ITERATIONS, NORM_EPS, Problem, Sizes, isqrt_dim

Form = Callable[..., Tensor]


def forms_of(problem: Problem) -> dict[str, Form]:
    """Functions of the problem's inputs, by the name of the form."""
    sizes = problem.sizes
    if problem.case == "covariance":
        return {"slices matmul": _slices, "einsum": _einsum, "bmm a pair": _pair_by_pair}
    if problem.case in ("fused", "head"):
        pooling = {
            "heads outside, matmul": _pooling(sizes, _heads_outside, _slices),
            "heads inside, matmul": _pooling(sizes, _heads_inside, _slices),
            "heads inside, bmm a pair": _pooling(sizes, _heads_inside, _pair_by_pair),
            "algebraic centring, bmm a pair": _algebraic_pooling(sizes),
        }
        return pooling if problem.case == "fused" else {k: _head(v) for k, v in pooling.items()}
    dim = isqrt_dim(problem.case, sizes)
    return {"matmul": _isqrt(dim, baddbmm=False), "baddbmm": _isqrt(dim, baddbmm=True)}


def _slices(heads: Tensor) -> Tensor:
    return heads[:, :-1].transpose(2, 3) @ heads[:, 1:] / heads.shape[2]


def _einsum(heads: Tensor) -> Tensor:
    return torch.einsum("bhnp,bhnq->bhpq", heads[:, :-1], heads[:, 1:]) / heads.shape[2]


def _pair_by_pair(heads: Tensor) -> Tensor:
    """No copy of the heads, whatever their strides: bmm reads views."""
    each = heads.unbind(1)
    maps = [torch.bmm(left.transpose(1, 2), right) for left, right in zip(each, each[1:])]
    return torch.stack(maps, 1) / heads.shape[2]


def _heads_outside(sizes: Sizes, tokens: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    z = tokens.unflatten(2, (sizes.num_heads, sizes.head_dim)).transpose(1, 2).contiguous()
    a = F.layer_norm(z, (sizes.head_dim,), weight, bias, NORM_EPS)
    return a - a.mean((2, 3), keepdim=True)  # (B, H, N, d)


def _heads_inside(sizes: Sizes, tokens: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    z = tokens.unflatten(2, (sizes.num_heads, sizes.head_dim))
    a = F.layer_norm(z, (sizes.head_dim,), weight, bias, NORM_EPS)
    return (a - a.mean((1, 3), keepdim=True)).transpose(1, 2)  # (B, H, N, d)


def _pooling(sizes: Sizes, heads_of: Form, product: Form) -> Form:
    def forward(tokens: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        maps = product(heads_of(sizes, tokens, weight, bias))
        return F.normalize(maps, dim=2, eps=COLUMN_EPS)

    return forward


def _algebraic_pooling(sizes: Sizes) -> Form:
    """Operands stay as LayerNorm leaves them; the small maps are corrected."""

    def forward(tokens: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        z = tokens.unflatten(2, (sizes.num_heads, sizes.head_dim))
        a = F.layer_norm(z, (sizes.head_dim,), weight, bias, NORM_EPS)
        by_channel = a.mean(1)  # (B, H, d)
        mean = by_channel.mean(2, keepdim=True)  # (B, H, 1)
        left = (by_channel[:, :-1] - mean[:, :-1]).unsqueeze(3) * mean[:, 1:].unsqueeze(3)
        right = (by_channel[:, 1:] * mean[:, :-1]).unsqueeze(2)
        maps = _pair_by_pair(a.transpose(1, 2)) - left - right
        return F.normalize(maps, dim=2, eps=COLUMN_EPS)

    return forward


def _head(pooling: Form) -> Form:
    """Arguments are the problem's inputs, in their order."""

    def forward(
        tokens: Tensor, pooled: Tensor, proj_weight: Tensor, proj_bias: Tensor,
        ln_weight: Tensor, ln_bias: Tensor, conv1: Tensor, conv2: Tensor,
        fc1_weight: Tensor, fc1_bias: Tensor, fc2_weight: Tensor, fc2_bias: Tensor,
    ) -> Tensor:  # fmt: skip
        projected = F.linear(tokens[:, 1:], proj_weight, proj_bias)
        maps = F.conv2d(pooling(projected, ln_weight, ln_bias), conv1, stride=2)
        maps = F.conv2d(F.gelu(maps), conv2, stride=2)
        second = F.linear(maps.flatten(1), fc2_weight, fc2_bias)
        return (F.linear(pooled, fc1_weight, fc1_bias) + second) / 2

    return forward


def _isqrt(dim: int, baddbmm: bool) -> Form:
    eye = torch.eye(dim)
    rows, columns = torch.triu_indices(dim, dim)
    triangle = rows * dim + columns

    def correction(z: Tensor, y: Tensor) -> Tensor:
        if baddbmm:
            return torch.baddbmm(eye, z, y, beta=1.5, alpha=-0.5)
        return 1.5 * eye - 0.5 * (z @ y)

    def forward(tokens: Tensor) -> Tensor:
        x = tokens - tokens.mean(1, keepdim=True)
        covariance = x.transpose(1, 2) @ x / x.shape[1]
        trace = covariance.diagonal(dim1=1, dim2=2).sum(1)[:, None, None]
        y = covariance / trace
        z = t = 1.5 * eye - 0.5 * y
        y = y @ t
        for step in range(1, ITERATIONS):
            t = correction(z, y)
            y = y @ t
            if step + 1 < ITERATIONS:
                z = t @ z
        return (y * trace.sqrt()).flatten(1).index_select(1, triangle)

    return forward
