"""The parameters of a network that are weights, by name."""

from __future__ import annotations

import numpy as np
from mindspore import Parameter, nn

_RUN_STATE = "rng_step"  # position of a random layer's stream: belongs to a run, not to weights


def weight_parameters(net: nn.Cell) -> dict[str, Parameter]:
    """Parameters by their place in ``net`` (``blocks.0.norm1.weight``), run state left out.

    The place, not ``Parameter.name``: that one keeps the prefixes of Cells into which ``net`` has
    been put since.
    """
    return {
        name: parameter
        for name, parameter in net.parameters_and_names()
        if name.rsplit(".", 1)[-1] != _RUN_STATE
    }


def parameters_as_arrays(net: nn.Cell) -> dict[str, np.ndarray]:
    """Copies of the weights of ``net`` by name: later training does not change them."""
    return {name: np.array(p.asnumpy()) for name, p in weight_parameters(net).items()}
