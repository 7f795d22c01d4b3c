"""Activations whose MindSpore defaults differ from the networks we load."""

from __future__ import annotations

from mindspore import Tensor, nn, ops
from mindspore import dtype as mstype

_SQRT_HALF = 0.7071067811865476
QUICK = 1.702


class GELU(nn.Cell):
    """The exact GELU, ``0.5 x (1 + erf(x / sqrt(2)))``.

    ``nn.GELU`` defaults to the tanh form, which is off by up to 5e-4 from what ViT checkpoints were
    trained with; its exact form is slower on CPU than this composition.
    """

    def construct(self, x: Tensor) -> Tensor:
        x = ops.cast(x, mstype.float32)  # in half precision erf loses most of its digits
        return 0.5 * x * (1.0 + ops.erf(x * _SQRT_HALF))


class QuickGELU(nn.Cell):
    """``x sigmoid(1.702 x)``, the activation of OpenAI's CLIP; up to 2e-2 off the exact GELU."""

    def construct(self, x: Tensor) -> Tensor:
        return x * ops.sigmoid(QUICK * x)
