"""The patch loss of self-distillation with its gradients: kernel, MindSpore's operators, PyTorch.

Cross-entropy of ROWS pairs of patches over 8192 prototypes of 256 channels (iBOT, SMKD), with the
gradients of the student's rows and prototypes. `kernel` is what the package does on the CPU,
`operators` what it does elsewhere, 256 rows after 256; `pytorch` holds all logits and leaves the
gradients to autograd, as the released codes do. All find the same loss before they are timed, in
turn, in one process; the rise of resident memory is that of a process of its own each. Last
line: JSON of ratios, the other's / the kernel's (medians).
Needs the extra parity. Usage: python benchmarks/prototype_rows.py [ROWS [TURNS]]
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import mindspore as ms
import numpy as np
import torch
from mindspore import Tensor, nn
from torch.nn import functional

from mindtune.engine.device import use_device
from mindtune.objectives.prototype_rows import PrototypeRows

PATCHES, PROTOTYPES, DIM, STUDENT_TEMP, TEMP = 1568, 8192, 256, 0.1, 0.04
NAMES = ("kernel", "operators", "pytorch")
_KIB_IN_A_MIB = 1024

Call = Callable[[], float]


def draw(rows: int) -> list[np.ndarray]:
    """Inputs of ``PrototypeRows`` but for the temperature."""
    rng = np.random.default_rng(0)
    units = [rng.standard_normal((count, DIM)) for count in 2 * (PATCHES, PROTOTYPES)]
    floats = [x / np.linalg.norm(x, axis=1, keepdims=True) for x in units]
    floats.append(0.01 * rng.standard_normal((1, PROTOTYPES)))
    pairs = rng.integers(0, PATCHES, (2, rows)).astype(np.int32)
    return [*(x.astype(np.float32) for x in floats), *pairs, np.full(rows, 1 / rows, np.float32)]


class Loss(nn.Cell):
    """The loss alone."""

    def __init__(self, by_kernel: bool) -> None:
        super().__init__()
        self.rows = PrototypeRows(STUDENT_TEMP, 256)
        if by_kernel and not self.rows.uses_kernel:
            raise SystemExit("the kernels are not built, or find no oneDNN: nothing to measure")
        self.rows.uses_kernel = by_kernel

    def construct(self, *inputs: Tensor) -> Tensor:
        return self.rows(*inputs)[0]


class WithGradients(nn.Cell):
    """Loss and gradients by student and prototypes, as one graph."""

    def __init__(self, loss: nn.Cell) -> None:
        super().__init__()
        self.differentiate = ms.value_and_grad(loss, (0, 1))

    def construct(self, *inputs: Tensor) -> tuple:
        return self.differentiate(*inputs)


def by_mindspore(arrays: list[np.ndarray], by_kernel: bool) -> Call:
    inputs = [Tensor(array) for array in arrays]
    inputs.insert(5, Tensor(np.float32(TEMP)))
    call = WithGradients(Loss(by_kernel))

    def run() -> float:
        loss, gradients = call(*inputs)
        for gradient in gradients:
            gradient.asnumpy()  # MindSpore returns before it has computed
        return float(loss.asnumpy())

    return run


def by_pytorch(arrays: list[np.ndarray]) -> Call:
    student, prototypes, teacher, others, centre, own, other, weights = map(
        torch.from_numpy, arrays
    )
    student.requires_grad_(), prototypes.requires_grad_()

    def run() -> float:
        with torch.no_grad():
            target = functional.softmax((teacher[other] @ others.t() - centre) / TEMP, 1)
        log_p = functional.log_softmax(student[own] @ prototypes.t() / STUDENT_TEMP, 1)
        loss = -(weights[:, None] * target * log_p).sum()
        torch.autograd.grad(loss, (student, prototypes))
        return float(loss.detach())

    return run


def call_of(name: str, arrays: list[np.ndarray]) -> Call:
    return by_pytorch(arrays) if name == "pytorch" else by_mindspore(arrays, name == "kernel")


def resident_mib(which: str) -> float:
    """``VmRSS``, now; or ``VmHWM``, the highest since it was last forgotten."""
    fields = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return float(fields[which].split()[0]) / _KIB_IN_A_MIB


def measure_memory(name: str, rows: int) -> None:
    """One process: prints by how much more is resident in some calls than before the first one.

    The first one is not watched: what compiling takes and gives back does not count.
    """
    call_of(name, draw(1))()  # brings libraries and graphs of their own
    arrays = draw(rows)
    idle = resident_mib("VmRSS")
    call = call_of(name, arrays)
    call()
    Path("/proc/self/clear_refs").write_text("5")  # forgets the highest
    for _ in range(3):
        call()
    print(resident_mib("VmHWM") - idle)


def memory_of(name: str, rows: int) -> float:
    words = [sys.executable, __file__, "--memory", name, str(rows)]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout.splitlines()[-1])


def race(rows: int, turns: int) -> dict[str, float]:
    """Median seconds of each."""
    arrays = draw(rows)
    calls = {name: call_of(name, arrays) for name in NAMES}
    losses = {name: call() for name, call in calls.items()}
    if not np.allclose(list(losses.values()), losses["pytorch"], rtol=1e-5):
        raise SystemExit(f"the losses differ: {losses}")
    times: dict[str, list[float]] = {name: [] for name in NAMES}
    for turn in range(turns):
        for name in NAMES[turn % 3 :] + NAMES[: turn % 3]:
            started = time.perf_counter()
            calls[name]()
            times[name].append(time.perf_counter() - started)
    return {name: statistics.median(found) for name, found in times.items()}


def main(rows: int = 1024, turns: int = 9) -> None:
    seconds = race(rows, turns)
    memory = {name: memory_of(name, rows) for name in NAMES}
    ratios = {}
    for name in NAMES:
        print(f"{name:10}{1e3 * seconds[name]:8.1f} ms{memory[name]:8.0f} MiB")
        if name != "kernel":
            ratios[f"time_vs_{name}"] = seconds[name] / seconds["kernel"]
            ratios[f"memory_vs_{name}"] = memory[name] / memory["kernel"]
    print(json.dumps({key: round(ratio, 2) for key, ratio in ratios.items()}))


if __name__ == "__main__":
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", 0)) or len(os.sched_getaffinity(0)))
    use_device("CPU", 0)
    ms.set_context(mode=ms.GRAPH_MODE)
    if sys.argv[1:2] == ["--memory"]:
        measure_memory(sys.argv[2], int(sys.argv[3]))
    else:
        main(*map(int, sys.argv[1:]))
