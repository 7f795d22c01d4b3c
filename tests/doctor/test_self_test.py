from __future__ import annotations

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor

from mindtune import ops
from mindtune.doctor.self_test import OPERATORS, largest_difference
from mindtune.ops.two_paths import TwoPaths


@pytest.fixture(autouse=True)
def _without_compiling_graphs():
    ms.set_context(mode=ms.PYNATIVE_MODE)
    yield
    ms.set_context(mode=ms.GRAPH_MODE)


def test_every_operator_with_a_kernel_is_tested():
    exported = {name for name in ops.__all__ if isinstance(getattr(ops, name), type)}
    assert exported == set(OPERATORS)


@pytest.mark.parametrize("operator", OPERATORS)
def test_kernels_agree_with_the_composed_path(operator):
    cell, _ = OPERATORS[operator]()
    assert cell.uses_kernel
    assert 0 < largest_difference(operator) < 1e-4


class Off(TwoPaths):
    """An operator whose kernel is off by a factor, or by its gradient alone."""

    def __init__(self, factor: float, offset: float) -> None:
        super().__init__()
        self.factor = factor
        self.offset = offset

    def construct(self, x: Tensor) -> Tensor:
        if self.uses_kernel:
            return self.factor * x + self.offset
        return x * 1.0


@pytest.mark.parametrize("factor", [1.25, float("nan")])
def test_a_kernel_that_is_off_is_found(factor, monkeypatch):
    x = Tensor(np.array([0.5, 1.0], np.float32))
    monkeypatch.setitem(OPERATORS, "Off", lambda: (Off(factor, 0.0), (x,)))
    found = largest_difference("Off")
    assert found == pytest.approx(0.25, abs=0.2) or np.isnan(found)
    monkeypatch.setitem(OPERATORS, "Off", lambda: (Off(1.0, 0.0), (x,)))
    assert largest_difference("Off") == 0
