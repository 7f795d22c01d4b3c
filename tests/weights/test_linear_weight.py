from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mindtune.errors import WeightsError
from mindtune.weights.linear_weight import read_linear_weight
from mindtune.weights.save import save_safetensors

ADAPTERS = Path(__file__).parents[1] / "data" / "adapters"
WEIGHT = np.sin(np.arange(12, dtype=np.float32)).reshape(3, 4)


@pytest.mark.parametrize("name", ["parameter", "weight", "fc_weight", "state_dict"])
def test_released_layouts(name):
    found = read_linear_weight(ADAPTERS / f"{name}.pt", 3, 4)
    np.testing.assert_allclose(found, WEIGHT, atol=1e-7)
    assert found.dtype == np.float32


def test_a_run_of_ours(tmp_path):
    tensors = {"text_weights": np.zeros((2, 3), np.float32), "branches.0.fc.weight": WEIGHT}
    save_safetensors(tmp_path / "best.safetensors", tensors, {})
    np.testing.assert_array_equal(read_linear_weight(tmp_path / "best.safetensors", 3, 4), WEIGHT)


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("weight", (5, 4), r"got a weight \(3, 4\), expected \(5, 4\) for 5 classes"),
        ("state_dict", (3, 8), "expected .3, 8. for 3 classes and 8 features"),
        ("with_bias", (3, 4), "got weight, bias, expected one weight without bias"),
    ],
)
def test_what_does_not_fit(name, shape, message):
    with pytest.raises(WeightsError, match=message):
        read_linear_weight(ADAPTERS / f"{name}.pt", *shape)
