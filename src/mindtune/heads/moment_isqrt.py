"""The Moment Probing head with iSQRT-COV in the place of cross-covariances."""

from __future__ import annotations

from mindspore import Tensor, nn

from mindtune.errors import ConfigError, check_option
from mindtune.heads.moment import FIRST_TOKEN
from mindtune.layers.linear import linear
from mindtune.ops import SquareRootCovariance


class IsqrtMomentHead(nn.Cell):
    """Logits from the pooled feature and from the square root of the tokens' covariance.

    ``logits = (classifier1(pooled) + classifier2(triangle)) / 2``, where the tokens are projected
    to ``width`` channels and the upper triangle of the square root of their covariance,
    width (width + 1) / 2 numbers, comes from iSQRT-COV (Li et al., CVPR 2018): the second moment in
    full, where ``MomentHead`` keeps cross-covariances of small heads. Far larger, too: at 256
    channels classifier2 has 32,896 inputs rather than 2,883. No published number uses it.

    Inputs are tokens (B, T, C) and pooled (B, C); the output is (B, K).

    Differences from iSQRT-COV's own networks: the projection is followed by neither batch
    normalisation nor ReLU, as a backbone that ends in LayerNorm needs neither.

    Raises:
        ConfigError: fewer than two channels, no iteration, or an unknown ``first_token``.
    """

    def __init__(
        self,
        in_dim: int,
        num_classes: int,
        width: int = 256,
        iterations: int = 5,
        first_token: str = "drop",
    ) -> None:
        super().__init__()
        if width < 2:
            raise ConfigError(f"head.moment_isqrt.width: got {width}, expected at least 2")
        if iterations < 1:
            raise ConfigError(
                f"head.moment_isqrt.iterations: got {iterations}, expected at least 1"
            )
        check_option("head.moment_isqrt.first_token", first_token, FIRST_TOKEN)
        self.first = 1 if first_token == "drop" else 0
        self.proj = linear(in_dim, width, bias=False)  # centring would undo a bias
        self.pooling = SquareRootCovariance(width, iterations)
        self.classifier1 = linear(in_dim, num_classes)
        self.classifier2 = linear(width * (width + 1) // 2, num_classes)

    def construct(self, tokens: Tensor, pooled: Tensor) -> Tensor:
        second = self.classifier2(self.pooling(self.proj(tokens[:, self.first :])))  # (B, K)
        return (self.classifier1(pooled) + second) / 2
