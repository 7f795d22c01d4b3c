"""The weight of one linear layer alone in a file, as released few-shot adapters are."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mindtune.errors import WeightsError
from mindtune.weights.readers import read_tensors

_NAMES = ("weight", "fc.weight", "branches.0.fc.weight")  # authors' (two of them), a run's of ours
_NOT_OF_IT = "text_weights"


def read_linear_weight(path: Path | str, num_classes: int, width: int) -> np.ndarray:
    """The weight (``num_classes``, ``width``), float32.

    Read are a tensor or parameter alone, a state dict with ``fc.weight`` or ``weight``, one under
    ``state_dict``, and the weights of a run of method amu with one auxiliary network. Torch is not
    needed. A layer with a bias (the authors' MindSpore repository) is refused: the method has none.

    Raises:
        WeightsError: the file cannot be read, or does not hold exactly such a weight.
    """
    tensors = read_tensors(path).tensors
    found = [name for name in tensors if name != _NOT_OF_IT]
    if len(found) != 1 or found[0] not in _NAMES:
        raise WeightsError(
            f"weights {path}: got {', '.join(found[:5]) or 'no tensor'}, expected one weight "
            f"without bias, called {' or '.join(_NAMES)}; give the file of a trained adapter"
        )
    weight = tensors[found[0]]
    if weight.shape != (num_classes, width):
        raise WeightsError(
            f"weights {path}: got a weight {weight.shape}, expected {(num_classes, width)} for "
            f"{num_classes} classes and {width} features; check --data.classes and --amu.auxiliary"
        )
    return np.array(weight, np.float32)
