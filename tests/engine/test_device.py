from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[2] / "src"
ASK = """
import mindspore as ms
from mindtune.engine.device import use_device

asked = []
ms.device_context.cpu.op_tuning.threads_num = asked.append
use_device("CPU", 0)
print(asked)
"""
TWICE = """
import mindspore as ms
from mindtune.engine.device import use_device

use_device("CPU", 0)
use_device("CPU", 0)
print(ms.Tensor([2]).asnumpy())
"""

AFTER_AN_OPERATOR = """
import mindspore as ms
from mindtune.engine.device import use_device

one = ms.Tensor([1]) + 1
use_device("CPU", 0)
print((one + ms.Tensor([1])).asnumpy())
"""


def answer(program: str, cores: set[int], **environment: str) -> str:
    """What ``program`` prints last, in a process that may run on ``cores`` only."""
    others = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**others, "PYTHONPATH": str(SOURCES), "GLOG_v": "4", **environment},
        stdout=subprocess.PIPE, text=True, check=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )  # fmt: skip
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize(("environment", "threads"), [({}, 2), ({"OMP_NUM_THREADS": "5"}, 5)])
def test_mindspore_takes_as_many_threads_as_the_process_may(environment, threads):
    one = {min(os.sched_getaffinity(0))}
    assert answer(ASK, one, **environment) == f"[{threads}]"


def test_a_device_may_be_chosen_again():
    assert answer(TWICE, os.sched_getaffinity(0)) == "[2]"


def test_operators_may_have_run_before():
    assert answer(AFTER_AN_OPERATOR, {min(os.sched_getaffinity(0))}) == "[3]"
