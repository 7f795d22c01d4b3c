from __future__ import annotations

import os

import pytest

from mindtune.data.decoding import decoding_pool
from mindtune.environment import usable_cores, usable_threads


@pytest.fixture(autouse=True)
def _three_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5})


@pytest.mark.parametrize(
    ("value", "threads"), [(None, 3), ("2", 2), ("7", 7), ("0", 3), ("4,2", 3), ("", 3)]
)
def test_threads_follow_the_affinity_mask_and_the_environment(value, threads, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if value is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert (usable_cores(), usable_threads()) == (3, threads)


@pytest.mark.parametrize(("workers", "threads"), [(1, 1), (3, 3), (8, 3)])
def test_images_are_decoded_by_a_thread_a_core_at_most(workers, threads):
    with decoding_pool(workers) as pool:
        assert pool._max_workers == threads
