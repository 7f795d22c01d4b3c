"""Linear classifier on first-order features."""

from __future__ import annotations

from mindspore import Tensor, nn, ops
from mindspore import dtype as mstype
from mindspore.common.initializer import Normal

from mindtune.errors import check_option

POOLS = ("pooled", "mean")


class FirstOrderFeature(nn.Cell):
    """What a linear head reads of an image, (B, C).

    ``pooled`` takes what the backbone calls its image feature (a ViT's class token); ``mean``
    averages the patch tokens, leaving the ``num_prefix_tokens`` first ones out.

    Raises:
        ConfigError: unknown ``pool``.
    """

    def __init__(self, num_prefix_tokens: int, pool: str) -> None:
        check_option("head.linear.pool", pool, POOLS)
        super().__init__(auto_prefix=False)
        self.first_patch = num_prefix_tokens
        self.mean = pool == "mean"

    def construct(self, tokens: Tensor, pooled: Tensor) -> Tensor:
        if not self.mean:
            return pooled
        patches = ops.cast(tokens[:, self.first_patch :], mstype.float32)  # half would lose digits
        return ops.cast(ops.mean(patches, 1), tokens.dtype)


class LinearHead(nn.Dense):
    """``logits = f W^T + b``, f being a ``FirstOrderFeature``; parameters ``weight`` and ``bias``.

    W starts normal of std ``0.02 init_scale``, b at 0.

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
        feature = FirstOrderFeature(num_prefix_tokens, pool)
        start = Normal(0.02 * init_scale)
        super().__init__(in_dim, num_classes, weight_init=start, bias_init="zeros")
        self.feature = feature

    def construct(self, tokens: Tensor, pooled: Tensor) -> Tensor:
        return super().construct(self.feature(tokens, pooled))


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
