"""Two ranks of mpirun compute what one process with the double batch computes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import two_ranks
from launched_jobs import Starter
from mindtune.data.datasets import create_dataset
from mindtune.engine.distributed.world import World

PROGRAM = Path(two_ranks.__file__)
Arrays = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def ranks(start_once: Starter) -> list[Arrays]:
    """What the two ranks saved."""
    job = start_once.mpirun(PROGRAM, start_once.folder, OMP_NUM_THREADS="1")
    assert job.wait() == 0, job.err.read_text()
    return [dict(np.load(start_once.folder / f"rank{rank}.npz")) for rank in (0, 1)]


def relative_difference(found: np.ndarray, wanted: np.ndarray) -> float:
    scale = np.max(np.abs(wanted.astype(np.float64)), initial=0.0)
    difference = np.max(np.abs(found.astype(np.float64) - wanted), initial=0.0)
    return float(difference / scale) if scale > 0 else float(difference)


def test_ranks_hold_the_same_bits(ranks: list[Arrays]) -> None:
    first, second = ranks
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert value.tobytes() == second[name].tobytes(), name
        assert value.shape == second[name].shape, name


@pytest.mark.parametrize("method", two_ranks.METHODS)
def test_two_ranks_equal_one_with_the_double_batch(method: str, ranks: list[Arrays]) -> None:
    alone = two_ranks.train(method, World())
    assert len(alone) > 40
    assert all(ranks[0][name].shape == value.shape for name, value in alone.items())
    worst = {name: relative_difference(ranks[0][name], value) for name, value in alone.items()}
    name = max(worst, key=lambda key: worst[key])
    assert worst[name] <= 1e-5, f"{name}: {worst[name]}"
    losses = alone[f"{method}/losses"][:, 0]
    assert losses[-1] < losses[0]
    assert np.ptp(losses) > 0.01


def test_evaluation_counts_every_image_once(ranks: list[Arrays]) -> None:
    test = create_dataset("digits", None, "test")
    assert ranks[0]["images"] == len(test) == 359
    np.testing.assert_array_equal(ranks[0]["per_class"], np.bincount(test.labels, minlength=10))


def test_an_overflow_on_one_rank_skips_the_update_on_all(ranks: list[Arrays]) -> None:
    for found in ranks:
        assert (found["moved"], found["scale"]) == (0, 2.0**7)


def test_ranks_that_drift_apart_are_an_error(ranks: list[Arrays]) -> None:
    name = str(ranks[0]["drifted"])
    for found in ranks:
        assert str(found["drift"]).startswith("ranks: after update 7 1 of ")
        assert f"between rank 0 and rank 1 (first {name})" in str(found["drift"])


def test_host_values_are_exchanged_exactly(ranks: list[Arrays]) -> None:
    wanted = [[2e-300, 2 * (2.0**53 + 2)], [2 * np.pi, 1.0]]
    np.testing.assert_array_equal(ranks[1]["sums"], wanted)
    np.testing.assert_array_equal(ranks[1]["told"], [0, 7])
