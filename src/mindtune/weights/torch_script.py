"""The tensors in the modules of a TorchScript archive."""

from __future__ import annotations

from mindtune.weights.torch_objects import ScriptModule, StoredTensor
from mindtune.weights.weight_file import MalformedError

_MOST_VISITS = 1_000_000
_DEEPEST = 100


def tensors_of_script(module: object) -> dict[str, StoredTensor]:
    """Every tensor below ``module`` by its path, such as ``visual.conv1.weight``.

    Raises:
        MalformedError: no module, or modules which contain themselves or a flood of tensors.
    """
    if not isinstance(module, ScriptModule):
        raise MalformedError("is a TorchScript archive without a module, expected a network in it")
    tensors: dict[str, StoredTensor] = {}
    waiting, visits = [("", module, 0)], 0
    while waiting:
        path, inner, depth = waiting.pop()
        visits += 1 + len(inner.attributes)  # once a name: modules of modules can explode
        if depth > _DEEPEST or visits > _MOST_VISITS:
            raise MalformedError(
                "is a TorchScript archive whose modules contain themselves or too much; refused as "
                "damaged or hostile"
            )
        for name, value in inner.attributes.items():
            if isinstance(value, StoredTensor):
                tensors[f"{path}{name}"] = value
            elif isinstance(value, ScriptModule):
                waiting.append((f"{path}{name}.", value, depth + 1))
    return tensors
