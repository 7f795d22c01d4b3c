"""Who takes part: our Cell, MindSpore's own operators, NumPy and, where installed, PyTorch."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops

from mindtune.ops import composed
from second_order import composed_forms, numpy_forms
from second_order.cases import Problem

HAS_PYTORCH = importlib.util.find_spec("torch") is not None


@dataclass(frozen=True)
class Contestant:
    """One form of one family.

    ``forward()`` returns the output, ``both()`` the output and the gradients of the problem's
    trained inputs, in their order; when they return, all is computed.
    """

    family: str
    form: str
    forward: Callable[[], Any]
    both: Callable[[], tuple[Any, tuple]]

    @property
    def name(self) -> str:
        return f"{self.family}: {self.form}"


def set_threads() -> int:
    """All contestants use OMP_NUM_THREADS threads, or as many as there are cores.

    NumPy's library and our kernels read that variable by themselves.
    """
    threads = int(os.environ.get("OMP_NUM_THREADS") or os.cpu_count() or 1)
    ms.device_context.cpu.op_tuning.threads_num(threads)
    if HAS_PYTORCH:
        import torch

        torch.set_num_threads(threads)
    return threads


def contestants_of(problem: Problem) -> list[Contestant]:
    cells = composed_forms.forms_of(problem).items()
    found = [
        _of_cell(problem, "ours", "package", composed_forms.ours(problem)),
        *(_of_cell(problem, "composed", form, cell) for form, cell in cells),
        _of_numpy(problem),
    ]
    return found + (_of_pytorch(problem) if HAS_PYTORCH else [])


class Forward(nn.Cell):
    """A network as one compiled graph."""

    def __init__(self, network: nn.Cell) -> None:
        super().__init__()
        self.network = network

    @ms.jit
    def construct(self, *inputs: Tensor) -> Tensor:
        return self.network(*inputs)


class ForwardBackward(nn.Cell):
    """Output and gradients, as one compiled graph; of parameters where the network has any."""

    def __init__(self, network: nn.Cell, weights: list[ms.Parameter]) -> None:
        super().__init__()
        self.network = network
        self.weights = ms.ParameterTuple(weights)

    @ms.jit
    def construct(self, gradient: Tensor, *inputs: Tensor) -> tuple:
        if self.weights:
            output, pull_back = ops.vjp(self.network, *inputs, weights=self.weights)
            return output, pull_back(gradient)[1]
        output, pull_back = ops.vjp(self.network, *inputs)
        return output, pull_back(gradient)


def _of_cell(problem: Problem, family: str, form: str, cell: nn.Cell) -> Contestant:
    by_name = {parameter.name: parameter for parameter in cell.trainable_params()}
    weights = [by_name[name] for name in problem.trained] if by_name else []
    inputs = [Tensor(v) for name, v in problem.inputs.items() if name not in by_name]
    gradient = Tensor(problem.gradient)
    forward_graph, both_graph = Forward(cell), ForwardBackward(cell, weights)

    # A graph's call returns before it has run; asnumpy waits, and copies nothing on the CPU, where
    # ms.runtime.synchronize does nothing.
    def forward() -> np.ndarray:
        return forward_graph(*inputs).asnumpy()

    def both() -> tuple[np.ndarray, tuple]:
        output, gradients = both_graph(gradient, *inputs)
        if not isinstance(gradients, tuple):
            gradients = (gradients,)
        return output.asnumpy(), tuple(one.asnumpy() for one in gradients)

    if family == "composed":  # the graphs are compiled now, without our kernels
        with composed(cell):
            forward()
            both()
    return Contestant(family, form, forward, both)


def _of_numpy(problem: Problem) -> Contestant:
    def forward() -> np.ndarray:
        return numpy_forms.run(problem, problem.inputs, None)[0]

    def both() -> tuple[np.ndarray, tuple]:
        output, gradients = numpy_forms.run(problem, problem.inputs, problem.gradient)
        return output, tuple(gradients[name] for name in problem.trained)

    return Contestant("numpy", "NumPy", forward, both)


def _of_pytorch(problem: Problem) -> list[Contestant]:
    import torch

    from second_order import pytorch_forms

    inputs = {
        name: torch.from_numpy(values).requires_grad_(name in problem.trained)
        for name, values in problem.inputs.items()
    }
    trained = [inputs[name] for name in problem.trained]
    gradient = torch.from_numpy(problem.gradient)

    def contestant(form: str, function: Callable[..., torch.Tensor]) -> Contestant:
        @torch.no_grad()
        def forward() -> torch.Tensor:
            return function(*inputs.values())

        def both() -> tuple[torch.Tensor, tuple]:
            output = function(*inputs.values())
            return output, torch.autograd.grad(output, trained, gradient)

        return Contestant("pytorch", form, forward, both)

    return [contestant(*named) for named in pytorch_forms.forms_of(problem).items()]
