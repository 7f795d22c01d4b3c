from __future__ import annotations

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn, ops

from mindtune.layers.permute import Permute
from ops.kernel_caller import needs_kernels

CASES = [
    ((2, 3, 4, 5), (0, 2, 3, 1)),
    ((2, 3, 2, 4, 2, 4), (0, 2, 4, 1, 3, 5)),
    ((4, 3), (1, 0)),
    ((4, 3), (0, 1)),
]


class WithGradient(nn.Cell):
    """What a Cell makes of x, and the gradient of x for a gradient of that."""

    def __init__(self, cell: nn.Cell) -> None:
        super().__init__()
        self.cell = cell
        self.differentiate = ops.GradOperation(sens_param=True)

    def construct(self, x: Tensor, g: Tensor) -> tuple[Tensor, Tensor]:
        return self.cell(x), self.differentiate(self.cell)(x, g)


@needs_kernels
@pytest.mark.parametrize("mode", [ms.GRAPH_MODE, ms.PYNATIVE_MODE], ids=["graph", "pynative"])
@pytest.mark.parametrize("path", ["compiled", "composed"])
def test_axes_and_their_gradient(mode, path):
    """One after the other: PYNATIVE mode keeps the shapes that an operator gave once."""
    ms.set_context(mode=mode)
    try:
        for sizes, axes in CASES:
            x = np.random.default_rng(0).standard_normal(sizes, np.float32)
            g = np.arange(x.size, dtype=np.float32).reshape(x.transpose(axes).shape)
            cell = Permute(*axes)
            assert cell.uses_kernel
            cell.uses_kernel = path == "compiled"
            y, dx = WithGradient(cell)(Tensor(x), Tensor(g))
            np.testing.assert_array_equal(y.asnumpy(), x.transpose(axes))
            np.testing.assert_array_equal(dx.asnumpy(), g.transpose(np.argsort(axes)))
    finally:
        ms.set_context(mode=ms.GRAPH_MODE)


def test_a_half_stays_one():
    x = Tensor(np.arange(6).reshape(2, 3).astype(np.float16))
    found = Permute(1, 0)(x)
    assert found.dtype == ms.float16
    np.testing.assert_array_equal(found.asnumpy(), x.asnumpy().T)
