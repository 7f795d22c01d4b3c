"""The pre-norm transformer which CLIP's image and text towers share, under OpenAI's names."""

from __future__ import annotations

from collections.abc import Sequence

from mindspore import Tensor, nn

from mindtune.layers.activations import QuickGELU
from mindtune.layers.drop_path import drop_path
from mindtune.layers.linear import linear
from mindtune.layers.norm import LayerNorm
from mindtune.layers.packed_attention import PackedAttention
from mindtune.layers.recalibration import NoRecalibration

NORM_EPS = 1e-5
_MLP_RATIO = 4


class QuickMlp(nn.Cell):
    """Linear, QuickGELU, linear: (..., C) -> (..., C); parameters ``c_fc`` and ``c_proj``."""

    def __init__(self, dim: int, hidden_dim: int) -> None:
        super().__init__()
        self.c_fc = linear(dim, hidden_dim)
        self.gelu = QuickGELU()
        self.c_proj = linear(hidden_dim, dim)

    def construct(self, x: Tensor) -> Tensor:
        return self.c_proj(self.gelu(self.c_fc(x)))


class ResidualAttentionBlock(nn.Cell):
    """``x + attn(ln_1(x))``, then ``x + psrp(x, mlp(ln_2(x)))``, tokens (B, N, C) -> (B, N, C).

    ``psrp`` is the slot which PSRP tuning fills (``mindtune.tuning.psrp``), at the place that the
    Moment Probing code gives it in CLIP.

    Args:
        attention: attention of the width ``dim``.
        dim: C.
        hidden_dim: width of the perceptron.
        drop_rate: stochastic depth of this block's two branches.
    """

    def __init__(
        self, attention: PackedAttention, dim: int, hidden_dim: int, drop_rate: float
    ) -> None:
        super().__init__()
        self.ln_1 = LayerNorm(dim, NORM_EPS)
        self.attn = attention
        self.ln_2 = LayerNorm(dim, NORM_EPS)
        self.mlp = QuickMlp(dim, hidden_dim)
        self.psrp: nn.Cell = NoRecalibration(dim)
        self.drop_path1 = drop_path(drop_rate)
        self.drop_path2 = drop_path(drop_rate)

    def construct(self, x: Tensor) -> Tensor:
        return self.after_attention(x, self.attn(self.ln_1(x)))

    def after_attention(self, x: Tensor, branch: Tensor) -> Tensor:
        """The block's output from its input and what its attention found."""
        x = x + self.drop_path1(branch)
        return x + self.drop_path2(self.psrp(x, self.mlp(self.ln_2(x))))

    def attention_weights(self, x: Tensor) -> Tensor:
        """The block's attention weights (B, H, N, N) alone."""
        return self.attn.weights_and_values(self.ln_1(x))[0]

    def with_attention(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The block's output (B, N, C) and its attention weights (B, H, N, N)."""
        weights, v = self.attn.weights_and_values(self.ln_1(x))
        return self.after_attention(x, self.attn.mix(weights, v)), weights


class Transformer(nn.Cell):
    """Blocks under the name ``resblocks``: tokens (B, N, C) -> (B, N, C), no norm at the end.

    Args:
        attentions: one for each block.
        dim: C.
        drop_rates: stochastic depth of each block.
        hidden_dim: width of the perceptrons; default: 4 C.
    """

    def __init__(
        self,
        attentions: Sequence[PackedAttention],
        dim: int,
        drop_rates: Sequence[float],
        hidden_dim: int | None = None,
    ) -> None:
        super().__init__()
        hidden_dim = hidden_dim or _MLP_RATIO * dim
        self.resblocks = nn.CellList(
            [
                ResidualAttentionBlock(attention, dim, hidden_dim, rate)
                for attention, rate in zip(attentions, drop_rates)
            ]
        )

    def construct(self, x: Tensor) -> Tensor:
        for block in self.resblocks:
            x = block(x)
        return x
