"""Masks against the statistics of SMKD's specification, section 5."""

from __future__ import annotations

import numpy as np
import pytest

from mindtune.data.masks import MaskSampler, masked_rows
from mindtune.errors import ConfigError

GRID = (14, 14)


def shares(shape: str, count: int = 4000) -> np.ndarray:
    sampler, rng = MaskSampler(GRID, shape), np.random.default_rng(0)
    return np.array([sampler(rng).mean() for _ in range(count)])


def test_blocks_have_the_measured_statistics():
    """The authors' code, measured: half unmasked, mean 0.295 of the others, 0.146 of all."""
    found = shares("block")
    masked = found[found > 0]
    assert len(masked) / len(found) == pytest.approx(0.5, abs=0.03)
    assert masked.mean() == pytest.approx(0.295, abs=0.01)
    assert found.mean() == pytest.approx(0.146, abs=0.01)
    assert masked.min() > 0.06
    assert 0.48 < masked.max() <= 0.5


def test_single_patches_reach_their_share_exactly():
    found = shares("rand", 1000)
    masked = found[found > 0]
    assert masked.min() >= 19 / 196
    assert masked.max() <= 98 / 196
    assert masked.mean() == pytest.approx(0.3, abs=0.02)
    sampler = MaskSampler(GRID, "rand", (0.25,), (0.0,))
    assert sampler(np.random.default_rng(1)).sum() == 49


def test_blocks_are_blocks():
    """Masked patches have more masked neighbours than scattered ones would."""

    def touching(shape: str) -> float:
        sampler, rng = MaskSampler(GRID, shape, (0.3,), (0.0,)), np.random.default_rng(0)
        masks = np.array([sampler(rng) for _ in range(200)])
        return (masks[:, 1:] & masks[:, :-1]).mean() / masks.mean()

    assert touching("block") > 2 * touching("rand")


@pytest.mark.parametrize("grid", [(2, 2), (4, 4), (3, 7)])
@pytest.mark.parametrize("shape", ["block", "rand"])
def test_small_grids_stay_below_their_share(grid, shape):
    sampler, rng = MaskSampler(grid, shape), np.random.default_rng(0)
    assert all(sampler(rng).mean() <= 0.5 for _ in range(300))


def test_rows_and_weights_average_patches_then_crops():
    masks = np.array([[1, 0, 1, 0], [0, 0, 0, 0], [1, 1, 1, 0]], bool)
    rows, weights = masked_rows(masks, 8)
    losses = np.random.default_rng(0).random(12)
    expected = (losses[[0, 2]].mean() + 0 + losses[[8, 9, 10]].mean()) / 3
    assert weights @ losses[rows] == pytest.approx(expected)
    assert (rows.dtype, weights.dtype, len(rows)) == (np.int32, np.float32, 8)


def test_room_for_all_masks_of_a_batch():
    sampler, rng = MaskSampler(GRID), np.random.default_rng(0)
    assert sampler.capacity(4) == 4 * 98
    room = sampler.capacity(64)
    assert room < 64 * 98 / 1.5
    assert max(sum(sampler(rng).sum() for _ in range(64)) for _ in range(30)) <= room
    assert MaskSampler(GRID, ratios=(0.0,), variations=(0.0,)).capacity(64) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shape": "blocks"}, "masks.shape: got 'blocks'.*did you mean 'block'"),
        ({"ratios": (0.3,)}, "variations: got 2 values, expected one for each of the 1"),
        ({"ratios": (0, 0.1)}, "ratios: got shares from -0.1 to"),
    ],
)
def test_impossible_masks_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        MaskSampler(GRID, **options)
