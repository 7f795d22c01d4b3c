"""Two ranks that look for images of a class in each other's batch compute what one process does."""

from __future__ import annotations

from pathlib import Path

import numpy as np

import two_teaching_ranks
from launched_jobs import Starter
from mindtune.engine.distributed.world import World

PROGRAM = Path(two_teaching_ranks.__file__)


def test_two_ranks_equal_one_with_the_double_batch(start_once: Starter) -> None:
    job = start_once.mpirun(PROGRAM, start_once.folder, OMP_NUM_THREADS="1")
    assert job.wait() == 0, job.err.read_text()
    ranks = [dict(np.load(start_once.folder / f"rank{rank}.npz")) for rank in (0, 1)]
    for name, value in ranks[0].items():
        assert value.tobytes() == ranks[1][name].tobytes(), name
    alone = two_teaching_ranks.teach(World())
    assert alone.keys() == ranks[0].keys()
    assert {"centre", "patch_centre"} <= alone.keys()
    for name, value in alone.items():
        np.testing.assert_allclose(ranks[0][name], value, rtol=1e-4, atol=2e-5, err_msg=name)
    assert np.ptp(alone["losses"]) > 0.01
