"""The cases as Cells: ours, and several forms each of MindSpore's own operators.

The fastest form is not the same at every size, so all of them are timed. Left out are forms that
were tens of times slower: L2Normalize (its backward pass on CPU), einsum, ops.matmul.
"""

from __future__ import annotations

from mindspore import Tensor, nn, ops

from mindtune.heads.moment import MomentHead
from mindtune.ops import (
    HeadCrossCovariance,
    MomentPooling,
    SquareRootCovariance,
    normalise_columns,
)
from second_order.cases import ITERATIONS, NORM_EPS, Problem, Sizes, isqrt_dim


class Slices(nn.Cell):
    """(B, H, N, d) -> (B, P, d, d): one batched product of heads 0..H-2 with heads 1..H-1."""

    def construct(self, heads: Tensor) -> Tensor:
        by_channel = ops.transpose(heads[:, :-1], (0, 1, 3, 2))  # (B, P, d, N)
        return ops.bmm(by_channel, heads[:, 1:]) / heads.shape[2]


class SlicesTransposedInside(nn.Cell):
    """The same; the product itself reads the left heads transposed."""

    def __init__(self) -> None:
        super().__init__()
        self.product = ops.BatchMatMul(transpose_a=True)

    def construct(self, heads: Tensor) -> Tensor:
        return self.product(heads[:, :-1], heads[:, 1:]) / heads.shape[2]


class PairByPair(nn.Cell):
    """A split of the heads, a product a pair, and the maps stacked."""

    def construct(self, heads: Tensor) -> Tensor:
        b, h, n, d = heads.shape
        maps = []
        each = ops.split(heads, 1, 1)
        for i in range(h - 1):
            left = ops.transpose(each[i].reshape(b, n, d), (0, 2, 1))  # (B, d, N)
            maps.append(ops.bmm(left, each[i + 1].reshape(b, n, d)))
        return ops.stack(maps, 1) / n


class SplitTokens(nn.Cell):
    """(B, N, H, d), the layout LayerNorm leaves -> (B, P, d, d), splitting before transposing."""

    def construct(self, heads: Tensor) -> Tensor:
        b, n, h, d = heads.shape
        maps = []
        each = ops.split(heads.reshape(b, n, h * d), d, 2)
        for i in range(h - 1):
            maps.append(ops.bmm(ops.transpose(each[i], (0, 2, 1)), each[i + 1]))
        return ops.stack(maps, 1) / n


class TransposeTokens(nn.Cell):
    """(B, N, H, d) -> (B, P, d, d), both operands transposed from where LayerNorm left them."""

    def construct(self, heads: Tensor) -> Tensor:
        by_channel = ops.transpose(heads[:, :, :-1], (0, 2, 3, 1))  # (B, P, d, N)
        by_token = ops.transpose(heads[:, :, 1:], (0, 2, 1, 3))  # (B, P, N, d)
        return ops.bmm(by_channel, by_token) / heads.shape[1]


class ComposedPooling(nn.Cell):
    """``MomentPooling``, scalar centring: LayerNorm on tokens as they lie, ``product``.

    ``algebraic`` leaves the operands as LayerNorm makes them and corrects the maps: with column
    sums s over tokens and scalar means m, C = G / N - (s_a - N m_a) m_b^T / N - m_a s_b^T / N.
    """

    def __init__(self, sizes: Sizes, product: nn.Cell, algebraic: bool) -> None:
        super().__init__()
        self.shape = (sizes.num_heads, sizes.head_dim)
        self.normalise = ops.LayerNorm(begin_norm_axis=-1, begin_params_axis=-1, epsilon=NORM_EPS)
        self.product = product
        self.algebraic = algebraic

    def construct(self, tokens: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        b, n, _ = tokens.shape
        heads = self.normalise(tokens.reshape(b, n, *self.shape), weight, bias)[0]  # (B, N, H, d)
        if not self.algebraic:
            return normalise_columns(self.product(heads - ops.mean(heads, (1, 3), True)))
        by_channel = ops.mean(heads, 1)  # (B, H, d)
        mean = ops.mean(by_channel, 2, True)  # (B, H, 1)
        left = ops.expand_dims(by_channel - mean, 3)[:, :-1] * ops.expand_dims(mean, 3)[:, 1:]
        right = ops.expand_dims(by_channel, 2)[:, 1:] * ops.expand_dims(mean, 3)[:, :-1]
        return normalise_columns(self.product(heads) - left - right)


class UnfoldedHead(MomentHead):
    """The moment head with its convolutions as products over windows."""

    def construct(self, tokens: Tensor, pooled: Tensor) -> Tensor:
        conv1, gelu, conv2 = self.downblocks[0]
        maps = self.convolve(self.second_moments(tokens), conv1.weight)
        maps = self.convolve(gelu(maps), conv2.weight)
        second = self.classifier2(maps.reshape(maps.shape[0], -1))  # (B, K)
        return (self.classifier1(pooled) + second) / 2

    def convolve(self, maps: Tensor, weight: Tensor) -> Tensor:
        b, pairs, dim, _ = maps.shape
        side = (dim - 3) // 2 + 1
        windows = ops.unfold(maps, 3, 1, 0, 2)  # (B, P 3 3, s s)
        shared = ops.broadcast_to(weight.reshape(1, pairs, pairs * 9), (b, pairs, pairs * 9))
        return ops.bmm(shared, windows).reshape(b, pairs, side, side)


class CenteredProduct(nn.Cell):
    """iSQRT-COV by the package's iterations, the covariance centred after the product."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.root = SquareRootCovariance(dim, ITERATIONS)

    def construct(self, tokens: Tensor) -> Tensor:
        b, n, d = tokens.shape
        mean = ops.mean(tokens, 1, True)  # (B, 1, d)
        moment = ops.bmm(ops.transpose(tokens, (0, 2, 1)), tokens) / n
        root = self.root.root_of(moment - ops.transpose(mean, (0, 2, 1)) * mean)
        return ops.gather(root.reshape(b, d * d), self.root.triangle, 1)


class SelectedTriangle(nn.Cell):
    """iSQRT-COV by the package's iterations, the triangle gathered with an index a sample."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.root = SquareRootCovariance(dim, ITERATIONS)

    def construct(self, tokens: Tensor) -> Tensor:
        b, n, d = tokens.shape
        centred = tokens - ops.mean(tokens, 1, True)
        moment = ops.bmm(ops.transpose(centred, (0, 2, 1)), centred) / n
        root = self.root.root_of(moment).reshape(b, d * d)
        return ops.gather_elements(root, 1, ops.broadcast_to(self.root.triangle, (b, -1)))


def ours(problem: Problem) -> nn.Cell:
    """The package's Cell, with the compiled operator where there is one."""
    sizes = problem.sizes
    if problem.case == "covariance":
        return HeadCrossCovariance(sizes.pairs)
    if problem.case == "fused":
        return MomentPooling(sizes.num_heads, sizes.pairs, "contiguous", "scalar", NORM_EPS)
    if problem.case == "head":
        return _head(MomentHead, problem)
    return SquareRootCovariance(isqrt_dim(problem.case, sizes), ITERATIONS)


def forms_of(problem: Problem) -> dict[str, nn.Cell]:
    """Cells by the name of the form; to be called within ``mindtune.ops.composed``."""
    return {"package": ours(problem), **_other_forms(problem)}


def _other_forms(problem: Problem) -> dict[str, nn.Cell]:
    if problem.case == "covariance":
        cells = (Slices(), SlicesTransposedInside(), PairByPair())
        return dict(zip(("slices", "slices, transposed inside", "a pair at a time"), cells))
    if problem.case == "fused":
        return _poolings(problem.sizes)
    if problem.case == "head":
        return _heads(problem)
    dim = isqrt_dim(problem.case, problem.sizes)
    return {"centred product": CenteredProduct(dim), "index a sample": SelectedTriangle(dim)}


def _poolings(sizes: Sizes) -> dict[str, nn.Cell]:
    return {
        "split": ComposedPooling(sizes, SplitTokens(), algebraic=False),
        "split, algebraic centring": ComposedPooling(sizes, SplitTokens(), algebraic=True),
        "transpose": ComposedPooling(sizes, TransposeTokens(), algebraic=False),
        "transpose, algebraic centring": ComposedPooling(sizes, TransposeTokens(), algebraic=True),
    }


def _heads(problem: Problem) -> dict[str, nn.Cell]:
    found: dict[str, nn.Cell] = {"unfolded convolutions": _head(UnfoldedHead, problem)}
    for name, pooling in _poolings(problem.sizes).items():
        head = _head(UnfoldedHead, problem)
        head.pooling = pooling
        found[f"unfolded convolutions, {name}"] = head
    return found


def _head(kind: type[MomentHead], problem: Problem) -> MomentHead:
    sizes = problem.sizes
    head = kind(sizes.in_dim, sizes.num_classes, sizes.width, sizes.num_heads)
    for parameter in head.get_parameters():
        parameter.set_data(Tensor(problem.inputs[parameter.name]))
    return head
