from __future__ import annotations

import ast
import math
from pathlib import Path

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn

import mindtune
from mindtune.doctor.self_test import OPERATORS, largest_difference
from mindtune.ops.two_paths import TwoPaths


@pytest.fixture(autouse=True)
def _without_compiling_graphs():
    ms.set_context(mode=ms.PYNATIVE_MODE)
    yield
    ms.set_context(mode=ms.GRAPH_MODE)


def test_every_operator_with_a_kernel_is_tested():
    """Those whose class mixes TwoPaths in, anywhere in the package."""
    found = set()
    for file in Path(mindtune.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ClassDef) and "TwoPaths" in map(ast.unparse, node.bases):
                found.add(node.name)
    assert found == set(OPERATORS)


# Products are oneDNN's on both paths; a number of the others is one product and one sum, or a copy.
SAME_BITS = ("LinearMap", "ChannelsLastConv", "ChannelMap", "DropPath", "Dropout")
SAME_BITS += ("Permute", "SplitWindows", "JoinWindows")


@pytest.mark.parametrize("operator", OPERATORS)
def test_kernels_agree_with_the_composed_path(operator):
    cell, inputs = OPERATORS[operator]()
    assert cell.uses_kernel
    difference = largest_difference(cell, inputs)
    assert difference < 1e-4
    assert difference > 0 or operator in SAME_BITS  # else both took one path


class Doubled(nn.Cell, TwoPaths):
    """An operator that doubles, with a form of its own in the place of a kernel."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self.form = form
        self.uses_kernel = True

    def construct(self, x: Tensor) -> Tensor:
        if not self.uses_kernel or self.form == "right":
            return 2 * x
        if self.form == "wrong output":
            return 2.5 * x
        if self.form == "wrong gradient":
            return 3 * x - ms.ops.stop_gradient(x)
        return 2 * x + 0 * ms.ops.sqrt(x - x)  # of infinite slope


@pytest.mark.parametrize(
    ("form", "difference"),
    [("right", 0.0), ("wrong output", 0.25), ("wrong gradient", 0.5), ("NaN gradient", math.nan)],
)
def test_a_kernel_that_is_off_is_found(form, difference):
    x = Tensor(np.array([0.1, 0.2], np.float32))
    found = largest_difference(Doubled(form), (x,))
    if form == "wrong output":  # its gradient is off by the factor and by the slope of the sine
        assert found >= difference
    else:
        assert found == pytest.approx(difference, nan_ok=True)
