"""Activations whose MindSpore defaults differ from the networks we load."""

from __future__ import annotations

from mindspore import Tensor, nn, ops
from mindspore import dtype as mstype

from mindtune.ops.activation import activation_kernel
from mindtune.ops.two_paths import TwoPaths

_SQRT_HALF = 0.7071067811865476
QUICK = 1.702


class GELU(nn.Cell, TwoPaths):
    """The exact GELU, ``0.5 x (1 + erf(x / sqrt(2)))``, in float32.

    ``nn.GELU`` defaults to the tanh form, which is off by up to 5e-4 from what ViT checkpoints were
    trained with. On the CPU one kernel computes it; MindSpore's exact forms are fifty times slower.
    """

    def __init__(self) -> None:
        super().__init__()
        library = self.choose_path(devices=("CPU",))
        if library is not None:
            self.kernel = activation_kernel(library, "Gelu")

    def construct(self, x: Tensor) -> Tensor:
        x = ops.cast(x, mstype.float32)  # in half precision erf loses most of its digits
        if self.uses_kernel:
            return self.kernel(x)
        return 0.5 * x * (1.0 + ops.erf(x * _SQRT_HALF))


class QuickGELU(nn.Cell, TwoPaths):
    """``x sigmoid(1.702 x)``, the activation of OpenAI's CLIP; up to 2e-2 off the exact GELU."""

    def __init__(self) -> None:
        super().__init__()
        library = self.choose_path(devices=("CPU",))
        if library is not None:
            self.kernel = activation_kernel(library, "QuickGelu")

    def construct(self, x: Tensor) -> Tensor:
        if self.uses_kernel:
            return ops.cast(self.kernel(ops.cast(x, mstype.float32)), x.dtype)
        return x * ops.sigmoid(QUICK * x)
