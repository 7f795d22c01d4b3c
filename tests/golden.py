"""Weights and inputs made from names by the rule of the golden values (tests/data/golden)."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from mindspore import Tensor, nn

FILE = Path(__file__).parent / "data" / "golden" / "moment_probing.json"


def draw(key: str, shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(zlib.crc32(key.encode())).standard_normal(shape)


def golden_input(name: str, shape: tuple[int, ...]) -> Tensor:
    return Tensor(draw(name, shape).astype(np.float32))


def golden_weight(key: str, shape: tuple[int, ...]) -> np.ndarray:
    """0.05 * normal, plus 1 for the scales of norms (1-D weights) and of layers (gamma)."""
    scales = (len(shape) == 1 and key.endswith("weight")) or key.endswith("gamma")
    shift = 1.0 if scales else 0.0
    return (0.05 * draw(key, shape) + shift).astype(np.float32)


def fill(
    cell: nn.Cell, prefix: str = "", authors_name: Callable[[str], str] = lambda name: name
) -> None:
    """Give every parameter of ``cell`` its golden weight, which follows from the authors' name."""
    for name, parameter in cell.parameters_and_names():
        if parameter.requires_grad or "rng_step" not in name:
            weight = golden_weight(authors_name(prefix + name), parameter.shape)
            parameter.set_data(Tensor(weight))


def assert_golden(logits: Tensor, case: str) -> None:
    """Compare with the stored figures, 2e-5 relative to the largest logit."""
    expected = json.loads(FILE.read_text())[case]
    found = logits.asnumpy().astype(np.float64)
    scale = 2e-5 * max(1.0, float(np.abs(found).max()))
    assert list(found.shape) == expected["shape"]
    np.testing.assert_allclose(found[0, :6], expected["row0"], rtol=0, atol=scale)
    np.testing.assert_allclose(found[1, :3], expected["row1"], rtol=0, atol=scale)
    np.testing.assert_allclose(np.linalg.norm(found), expected["l2"], rtol=2e-5)
