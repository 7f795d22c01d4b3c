"""What shrinks the maps of a moment head before they are classified."""

from __future__ import annotations

from mindspore import Tensor, nn
from mindspore.common.initializer import Uniform

from mindtune.layers.activations import GELU
from mindtune.ops.map_shrinking import shrink_maps_kernel
from mindtune.ops.two_paths import TwoPaths


class ShrinkingBlock(nn.SequentialCell, TwoPaths):
    """Two convolutions, 3 x 3 with stride 2, no padding and no bias, and a GELU between them.

    (B, P, d, d) -> (B, P, s, s). Parameters ``0.weight`` and ``2.weight`` are (P, P, 3, 3). On the
    CPU one kernel does it all: MindSpore's convolution is made for more channels than a head has
    pairs.
    """

    def __init__(self, pairs: int) -> None:
        super().__init__(_convolution(pairs), GELU(), _convolution(pairs))
        library = self.choose_path(devices=("CPU",))
        if library is not None:
            self.kernel = shrink_maps_kernel(library)

    def construct(self, maps: Tensor) -> Tensor:
        if self.uses_kernel:
            return self.kernel(maps, self[0].weight, self[2].weight)
        return super().construct(maps)


def _convolution(pairs: int) -> nn.Conv2d:
    bound = (9 * pairs) ** -0.5
    return nn.Conv2d(
        pairs, pairs, 3, stride=2, pad_mode="valid", has_bias=False, weight_init=Uniform(bound)
    )
