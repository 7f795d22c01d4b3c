"""The loss and its gradients in a graph, by kernel and by MindSpore's operators."""

from __future__ import annotations

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn

from mindtune.objectives.prototype_rows import PrototypeRows
from ops import prototype_cases
from ops.arithmetic import Arithmetic

CASE = prototype_cases.PrototypeRows(9, 8, 23, 50, 12)


class WeightedLoss(nn.Cell):
    """Five times the loss, so that gradients show what flows back into it."""

    def __init__(self, chunk: int) -> None:
        super().__init__()
        self.rows = PrototypeRows(CASE.student_temp, chunk)

    def construct(self, *inputs: Tensor) -> Tensor:
        return 5 * self.rows(*inputs)[0]


@pytest.mark.parametrize("chunk", [7, 100])
@pytest.mark.parametrize("path", ["kernel", "operators"])
def test_loss_and_gradients(path, chunk) -> None:
    loss = WeightedLoss(chunk)
    if path == "kernel" and not loss.rows.uses_kernel:
        pytest.skip("the kernels are not built, or find no oneDNN")
    loss.rows.uses_kernel = path == "kernel"
    inputs = list(CASE.inputs())
    inputs[5:7] = [np.float32(CASE.teacher_temp)]
    value, gradients = ms.value_and_grad(loss, (0, 1))(*map(Tensor, inputs))
    for name, expected in CASE.expected(Arithmetic()).items():
        found = {"loss": value, "dstudent": gradients[0], "dprototypes": gradients[1]}[name]
        atol = 1e-5 * np.abs(expected).max()
        np.testing.assert_allclose(found.asnumpy(), 5 * expected.squeeze(), atol=5 * atol)
