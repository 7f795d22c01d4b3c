"""Position resize against torch's numbers (tests/data/weights/position_resize.npz)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mindtune.errors import ConfigError, WeightsError
from mindtune.weights.position import resize_pos_embed

CASES = ["4x4_to_7x7", "7x7_to_4x4", "14x14_to_24x24", "3x5_to_6x2", "2x2_to_9x9", "1x1_to_3x3"]


def grid(text: str) -> tuple[int, int]:
    rows, columns = text.split("x")
    return int(rows), int(columns)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("prefix", [0, 1, 5])
def test_equals_torch_and_keeps_prefix_tokens(data: Path, case: str, prefix: int) -> None:
    golden = np.load(data / "position_resize.npz")
    old, new = (grid(side) for side in case.split("_to_"))
    tokens = np.random.default_rng(1).standard_normal((1, prefix, 3)).astype(np.float32)
    array = np.concatenate([tokens, golden[f"{case}/in"]], axis=1)
    got = resize_pos_embed(array, prefix, old, new)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got[:, :prefix], tokens)
    np.testing.assert_allclose(got[:, prefix:], golden[f"{case}/out"], rtol=0, atol=1e-6)


@pytest.mark.parametrize("method", ["antialias", "scale"])
@pytest.mark.parametrize("case", ["4_to_7", "7_to_4", "14_to_24"])
def test_other_methods_equal_torch(data: Path, case: str, method: str) -> None:
    golden = np.load(data / "position_methods.npz")
    side = int(case.rpartition("_")[2])
    array, expected = golden[f"{case}/in"], golden[f"{case}/{method}"]
    got = resize_pos_embed(array, 1, None, (side, side), method)
    np.testing.assert_allclose(got, expected, rtol=0, atol=4e-6)  # timm computes in float32
    assert np.abs(resize_pos_embed(array, 1, None, (side, side)) - expected).max() > 1e-3


def test_unknown_method_is_refused() -> None:
    with pytest.raises(ConfigError, match="position_resize: got 'scaled'.*did you mean 'scale'"):
        resize_pos_embed(np.zeros((1, 17, 4), np.float32), 1, None, (2, 2), "scaled")


def test_same_grid_is_the_identity() -> None:
    array = np.random.default_rng(2).standard_normal((1, 17, 4)).astype(np.float32)
    for method in ("bicubic", "antialias"):
        resized = resize_pos_embed(array, 1, None, (4, 4), method)
        np.testing.assert_allclose(resized, array, atol=1e-7)


@pytest.mark.parametrize(
    ("tokens", "old", "message"),
    [
        (16, None, "got 15 patch tokens, expected a square number; give the grid"),
        (1, None, "got 0 patch tokens"),
        (0, None, "got 0 patch tokens"),
        (17, (3, 5), "got 16 patch tokens beside 1 prefix tokens, expected 3 x 5"),
    ],
)
def test_wrong_token_count(tokens: int, old: tuple[int, int] | None, message: str) -> None:
    with pytest.raises(WeightsError, match=message):
        resize_pos_embed(np.zeros((1, tokens, 4), np.float32), 1, old, (2, 2))
