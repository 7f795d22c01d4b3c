"""The projection head of DINO, iBOT and SMKD: a perceptron, unit length, weighted prototypes."""

from __future__ import annotations

from mindspore import Parameter, Tensor, nn, ops
from mindspore.common.initializer import Uniform, initializer

from mindtune.layers.activations import GELU
from mindtune.layers.linear import linear
from mindtune.layers.unit_rows import UnitRows


class Prototypes(nn.Cell):
    """K directions with lengths, ``w_k = g_k v_k / |v_k|`` (K, D): torch's weight norm, its names.

    Args:
        dim: D.
        count: K.
        fixed_length: every ``g_k`` stays 1 (DINO's ``norm_last_layer``).
    """

    def __init__(self, dim: int, count: int, fixed_length: bool = False) -> None:
        super().__init__()
        ones = initializer("ones", (count, 1))
        self.weight_g = Parameter(ones, name="weight_g", requires_grad=not fixed_length)
        start = initializer(Uniform(dim**-0.5), (count, dim))
        self.weight_v = Parameter(start, name="weight_v")
        self.to_lengths = UnitRows()

    def construct(self) -> Tensor:
        return self.to_lengths(self.weight_v, self.weight_g.reshape(-1))


class ProjectionHead(nn.Cell):
    """Tokens (..., C) -> logits (..., K) over prototypes; parameters under the authors' names.

    Linear, GELU, linear, GELU, linear, unit length, product with the prototypes. Class token and
    patches share all of it (SMKD; iBOT's code can also give the patches prototypes of their own).
    The released files name the prototypes a second time, ``last_layer2``.

    Args:
        in_dim: C.
        out_dim: K.
        hidden_dim: width of the two hidden layers.
        bottleneck_dim: width D before the prototypes.
        norm_last_layer: prototypes keep length 1.
    """

    def __init__(
        self,
        in_dim: int,
        out_dim: int,
        hidden_dim: int = 2048,
        bottleneck_dim: int = 256,
        norm_last_layer: bool = False,
    ) -> None:
        super().__init__()
        self.mlp = nn.CellList(
            [
                linear(in_dim, hidden_dim),
                GELU(),
                linear(hidden_dim, hidden_dim),
                GELU(),
                linear(hidden_dim, bottleneck_dim),
            ]
        )
        self.last_layer = Prototypes(bottleneck_dim, out_dim, norm_last_layer)
        self.to_units = UnitRows()

    def embed(self, tokens: Tensor) -> Tensor:
        """Unit vectors (..., D) in float32."""
        x = tokens
        for layer in self.mlp:
            x = layer(x)
        return self.to_units(x)

    def construct(self, tokens: Tensor) -> Tensor:
        return ops.dense(self.embed(tokens), self.last_layer())
