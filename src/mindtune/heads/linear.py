"""Linear classifier on first-order features."""

from __future__ import annotations

from mindspore import Tensor, nn, ops
from mindspore import dtype as mstype
from mindspore.common.initializer import Normal

from mindtune.errors import check_option

POOLS = ("pooled", "mean")


class LinearHead(nn.Dense):
    """``logits = f W^T + b`` with f (B, C) chosen by ``pool``; parameters ``weight`` and ``bias``.

    ``pooled`` takes what the backbone calls its image feature (a ViT's class token); ``mean``
    averages the patch tokens, leaving the ``num_prefix_tokens`` first ones out. W starts normal of
    std ``0.02 init_scale``, b at 0.

    Raises:
        ConfigError: unknown ``pool``.
    """

    def __init__(
        self,
        in_dim: int,
        num_classes: int,
        num_prefix_tokens: int,
        pool: str = "pooled",
        init_scale: float = 1.0,
    ) -> None:
        check_option("head.linear.pool", pool, POOLS)
        start = Normal(0.02 * init_scale)
        super().__init__(in_dim, num_classes, weight_init=start, bias_init="zeros")
        self.first_patch = num_prefix_tokens
        self.mean = pool == "mean"

    def construct(self, tokens: Tensor, pooled: Tensor) -> Tensor:
        feature = mean_patch(tokens, self.first_patch) if self.mean else pooled
        return super().construct(feature)


def mean_patch(tokens: Tensor, first_patch: int) -> Tensor:
    """Mean of the tokens (B, T, C) from ``first_patch`` on, (B, C)."""
    patches = ops.cast(tokens[:, first_patch:], mstype.float32)  # half would lose digits
    return ops.cast(ops.mean(patches, 1), tokens.dtype)


class ClassifierHead(nn.Cell):
    """A ``LinearHead`` called ``fc``, as timm names it in networks without a class token."""

    def __init__(
        self,
        in_dim: int,
        num_classes: int,
        num_prefix_tokens: int,
        pool: str = "pooled",
        init_scale: float = 1.0,
    ) -> None:
        super().__init__()
        self.fc = LinearHead(in_dim, num_classes, num_prefix_tokens, pool, init_scale)

    def construct(self, tokens: Tensor, pooled: Tensor) -> Tensor:
        return self.fc(tokens, pooled)


LINEAR_HEADS: dict[str, type[nn.Cell]] = {
    "head": LinearHead,
    "head.fc": ClassifierHead,
    "fc": LinearHead,
}
"""By what timm calls the linear head of a network, which its backbone says as ``classifier``."""
