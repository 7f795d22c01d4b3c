"""The number of threads changes no bit, and calls leave no memory behind."""

from __future__ import annotations

import os

import numpy as np
import pytest

from ops.kernel_caller import INSTRUCTION_SETS, Kernels, needs_kernels
from ops.kernel_cases import Cross, Pooling, Shrink, SquareRoot

pytestmark = needs_kernels

PAIRS = [(0, 1), (1, 2), (0, 2)]


def _cases(batch: int) -> list:
    return [
        Pooling(batch, 37, 21, 3, PAIRS),
        Pooling(batch, 300, 9, 3, PAIRS, "strided", "channel"),
        Cross(batch, 37, 21, 3, PAIRS),
        SquareRoot(batch, 37, 21),
        Shrink(batch, 3, 21),
    ]


SHARED = [  # so much work in one sample that threads share it
    Pooling(1, 600, 160, 5, [(i, j) for j in range(5) for i in range(j)]),
    SquareRoot(1, 37, 512, steps=2),
]


@pytest.mark.parametrize("instruction_set", INSTRUCTION_SETS)
@pytest.mark.parametrize(
    "cases", [_cases(1), _cases(2), _cases(5), SHARED], ids=["1", "2", "5", "shared"]
)
def test_the_number_of_threads_changes_no_bit(instruction_set, cases):
    for case in cases:
        expected = case.found(Kernels(instruction_set, threads=1))
        for threads in (1, 2, 2, 3):  # with 2, run to run as well
            found = case.found(Kernels(instruction_set, threads=threads))
            for name, values in found.items():
                np.testing.assert_array_equal(values, expected[name], err_msg=f"{case} {name}")


def _resident_bytes() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


@pytest.mark.parametrize("fresh", [False, True], ids=["one thread", "a thread a call"])
def test_calls_leave_no_memory_behind(fresh):
    kernels = Kernels(threads=2, fresh=fresh)
    cases = _cases(2)

    def call(times: int) -> int:
        for _ in range(times):
            for case in cases:
                case.found(kernels)
        return _resident_bytes()

    before = call(20)
    # Each call works in 20 KiB and more, so that leaks of it would add 10 MiB and more.
    assert call(100) - before < 2 * 2**20
