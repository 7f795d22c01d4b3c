"""The Moment Probing head: a linear classifier on first and second moments of the tokens."""

from __future__ import annotations

from mindspore import Tensor, nn

from mindtune.errors import ConfigError, check_option
from mindtune.heads.pairing import PAIRINGS, head_pairs
from mindtune.heads.shrinking import ShrinkingBlock
from mindtune.layers.linear import fan_in_linear, linear
from mindtune.layers.norm import LayerNorm
from mindtune.ops import MomentPooling
from mindtune.ops.map_shrinking import shrunk_side
from mindtune.ops.moment_pooling import CENTERINGS, SPLITS

FIRST_TOKEN = ("drop", "keep")
_LINEAR = {"normal": linear, "uniform": fan_in_linear}
INITS = tuple(_LINEAR)
_NORM_EPS = 1e-5


def map_side(head_dim: int) -> int:
    """Side of a d x d map after the two 3 x 3, stride 2 convolutions without padding.

    Raises:
        ConfigError: a map too small for them (d < 7).
    """
    if head_dim < 7:
        raise ConfigError(
            f"head.moment.width / num_heads: got {head_dim} channels a head, expected at least 7 "
            "for the two 3 x 3 convolutions of stride 2; use fewer heads or a larger width"
        )
    return shrunk_side(head_dim)


class MomentHead(nn.Cell):
    """Logits from the pooled feature and from the covariance of token channels.

    ``logits = (classifier1(pooled) + classifier2(flatten(convs(covariances)))) / 2``, where the
    tokens are projected to ``width`` channels, split into ``num_heads`` heads of d channels, each
    normalised per token by one shared LayerNorm (eps 1e-5) and centred; the cross-covariances
    (B, P, d, d) of head pairs have columns of unit L2 norm, and two 3 x 3 convolutions of stride 2
    (P -> P channels, GELU between, no bias, no padding) shrink them.
    Gao et al., "Tuning Pre-trained Model via Moment Probing", ICCV 2023, section 3.2.

    Inputs are tokens (B, T, C) and pooled (B, C); the output is (B, K).

    Differences from the paper and from the authors' code:
        * ``centering="scalar"`` (their code) subtracts one mean over tokens AND channels, so the
          map is nearly an uncentred second moment; ``"channel"`` centres as the paper writes.
        * Their code drops the first token always; with a backbone that has no class token that
          loses a patch: ``first_token="keep"``.
        * ``split="contiguous"`` is their transformer form, ``"strided"`` (channel c belongs to head
          c mod H) their convolutional and MLP form; weights are not portable between the two.
        * ``init="normal"`` (std 0.02, biases 0) is how they start the dense layers on ViT and Swin,
          ``"uniform"`` (PyTorch's default) on ConvNeXt and AS-MLP.
        * Their projection on maps is a 1 x 1 convolution: the same numbers in another shape.
        * Sizes are derived, where their code fixes 2,883 features and 3 pairs.

    Raises:
        ConfigError: unknown option, or a width that the heads do not divide.
    """

    def __init__(
        self,
        in_dim: int,
        num_classes: int,
        width: int = 512,
        num_heads: int = 4,
        pairing: str = "near",
        split: str = "contiguous",
        centering: str = "scalar",
        first_token: str = "drop",
        init: str = "normal",
    ) -> None:
        super().__init__()
        check_option("head.moment.pairing", pairing, PAIRINGS)
        check_option("head.moment.split", split, SPLITS)
        check_option("head.moment.centering", centering, CENTERINGS)
        check_option("head.moment.first_token", first_token, FIRST_TOKEN)
        check_option("head.moment.init", init, INITS)
        if num_heads < 2 or width % num_heads:
            raise ConfigError(
                f"head.moment.num_heads: got {num_heads}, expected at least 2 and a divisor of "
                f"head.moment.width {width}"
            )
        head_dim = width // num_heads
        pairs = head_pairs(pairing, num_heads)
        features = len(pairs) * map_side(head_dim) ** 2
        self.first = 1 if first_token == "drop" else 0
        dense = _LINEAR[init]
        self.proj = dense(in_dim, width)
        self.ln = LayerNorm(head_dim, _NORM_EPS)
        self.pooling = MomentPooling(num_heads, pairs, split, centering, _NORM_EPS)
        self.downblocks = nn.CellList([ShrinkingBlock(len(pairs))])
        self.classifier1 = dense(in_dim, num_classes)
        self.classifier2 = dense(features, num_classes)

    def second_moments(self, tokens: Tensor) -> Tensor:
        """Cross-covariances of the head pairs with columns of unit norm, (B, P, d, d)."""
        projected = self.proj(tokens[:, self.first :])  # (B, N, Hd)
        return self.pooling(projected, self.ln.weight, self.ln.bias)

    def construct(self, tokens: Tensor, pooled: Tensor) -> Tensor:
        maps = self.downblocks[0](self.second_moments(tokens))  # (B, P, s, s)
        second = self.classifier2(maps.reshape(maps.shape[0], -1))  # (B, K)
        return (self.classifier1(pooled) + second) / 2
