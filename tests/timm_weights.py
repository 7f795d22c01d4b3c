"""Weights made from names by the rule of timm's oracles (tests/data/timm)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from mindspore import Tensor, nn

from golden import draw

FOLDER = Path(__file__).parent / "data" / "timm"
OUTPUTS = np.load(FOLDER / "outputs.npz")
NAMES: dict[str, dict[str, list[int]]] = json.loads((FOLDER / "names.json").read_text())


def timm_weight(key: str, shape: tuple[int, ...]) -> np.ndarray:
    shift = 1.0 if len(shape) == 1 and key.endswith("weight") else 0.0
    shift += 2.0 * key.endswith("logit_scale")
    return (0.3 * draw(key, shape) + shift).astype(np.float32)


def state_dict(case: str) -> dict[str, np.ndarray]:
    """The file that timm would write of ``case``."""
    return {name: timm_weight(name, tuple(shape)) for name, shape in NAMES[case].items()}


def fill_as_timm(network: nn.Cell) -> None:
    """Give every parameter of ``network`` its weight by its own name."""
    for parameter in network.get_parameters():
        if not parameter.name.endswith("rng_step"):
            parameter.set_data(Tensor(timm_weight(parameter.name, parameter.shape)))


def assert_close(found: Tensor, expected: np.ndarray, tolerance: float = 2e-5) -> None:
    """Equal within ``tolerance`` of the largest expected value, or of 1."""
    scale = tolerance * max(1.0, float(np.abs(expected).max()))
    np.testing.assert_allclose(found.asnumpy(), expected, rtol=0, atol=scale)
