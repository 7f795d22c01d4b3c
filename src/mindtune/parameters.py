"""The parameters of a network that are weights, told apart from the state of a run."""

from __future__ import annotations

import hashlib

import numpy as np
from mindspore import Parameter, nn

RNG_STEP = "rng_step"  # position of a random layer's stream: belongs to a run, not to weights
RUNNING_MEAN, RUNNING_VAR = "running_mean", "running_var"  # of batch norms: saved, never trained


def named_weights(net: nn.Cell) -> dict[str, Parameter]:
    """Weights by their place in ``net`` (``blocks.0.norm1.weight``).

    The place, not ``Parameter.name``: that one keeps the prefixes of Cells into which ``net`` has
    been put since.
    """
    return {
        name: parameter
        for name, parameter in net.parameters_and_names()
        if name.rsplit(".", 1)[-1] != RNG_STEP
    }


def weights_checksum(net: nn.Cell) -> str:
    """SHA-256 over names, types, shapes and values of all weights, hexadecimal."""
    total = hashlib.sha256()
    for name, parameter in sorted(named_weights(net).items()):
        values = np.ascontiguousarray(parameter.asnumpy())
        total.update(f"{name} {values.dtype} {values.shape}\n".encode())
        total.update(values.data)
    return total.hexdigest()


def name_by_place(net: nn.Cell) -> None:
    """Call every parameter by its place in ``net``, as after surgery no other name is unique."""
    for place, parameter in net.parameters_and_names():
        parameter.name = place


def weights_of(net: nn.Cell) -> list[Parameter]:
    """Weights in the order of the layers."""
    return list(named_weights(net).values())


def learnable_weights_of(net: nn.Cell) -> list[Parameter]:
    """Weights that a gradient may change: all but the running statistics of batch norms."""
    return [parameter for name, parameter in named_weights(net).items() if not _is_running(name)]


def _is_running(name: str) -> bool:
    """Whether the parameter ``name`` is a running statistic."""
    return name.rsplit(".", 1)[-1] in (RUNNING_MEAN, RUNNING_VAR)
