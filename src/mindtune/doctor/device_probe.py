"""One device tried in a process of its own: ``python -m mindtune.doctor.device_probe TARGET``.

Prints what it has found line by line, as JSON, so that what came before a crash is known. An error
ends it.
"""

from __future__ import annotations

import ctypes
import json
import sys
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn

from mindtune.doctor.self_test import OPERATORS, largest_difference
from mindtune.ops.kernel_library import find_library, instruction_set


def probe(device_target: str) -> None:
    """Compile and run a small network on the device, then every kernel built for it."""
    library = find_library(device_target)
    tell(mindspore=ms.__version__, library=str(library or ""))
    ms.set_context(mode=ms.GRAPH_MODE)
    ms.set_device(device_target)
    output = nn.Dense(4, 4)(Tensor(np.ones((2, 4), np.float32)) + 1).asnumpy()
    if not np.isfinite(output).all():
        raise FloatingPointError("a small network gives NaN or infinity")
    tell(works=True)
    if library is not None:
        ctypes.CDLL(str(library))  # says why it does not load, where MindSpore says nothing
    ms.set_context(mode=ms.PYNATIVE_MODE)  # a third of the time, and the same kernels
    _probe_operators()
    if library is not None and device_target == "CPU":
        tell(instruction_set=instruction_set())


def _probe_operators() -> None:
    cases = {name: make() for name, make in OPERATORS.items()}
    tell(operators={name: cell.uses_kernel for name, (cell, _) in cases.items()})
    differences: dict[str, float] = {}
    for name, (cell, inputs) in cases.items():
        if cell.uses_kernel:
            tell(testing=name)
            differences[name] = largest_difference(cell, inputs)
            tell(differences=differences)


def tell(**facts: Any) -> None:
    print(json.dumps(facts), flush=True)


if __name__ == "__main__":
    probe(sys.argv[1])
