from __future__ import annotations

import os

import pytest

from mindtune.doctor import machine
from mindtune.doctor.finding import Finding, State


def finding(subject: str) -> Finding:
    return next(found for found in machine.machine_findings() if found.subject == subject)


@pytest.fixture(autouse=True)
def _three_of_eight_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5})
    monkeypatch.setattr(os, "cpu_count", lambda: 8)


def test_cores_are_those_this_process_may_use():
    assert finding("cores").found == "3 of 8 (by affinity)"


@pytest.mark.parametrize(
    ("value", "state", "found"),
    [
        (None, State.OK, "not set: one thread a core, 3"),
        ("3", State.OK, "3"),
        ("4", State.NOTE, "4: threads share cores"),
        ("0", State.NOTE, "'0' is no number of threads"),
        ("many", State.NOTE, "'many' is no number of threads"),
    ],
)
def test_threads(value, state, found, monkeypatch):
    if value is None:
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    else:
        monkeypatch.setenv("OMP_NUM_THREADS", value)
    cure = "" if state is State.OK else "export OMP_NUM_THREADS=3, or unset it"
    assert finding("OMP_NUM_THREADS") == Finding("OMP_NUM_THREADS", found, state, cure)


@pytest.mark.parametrize(("value", "faults"), [(None, 0), ("0", 0), ("1", 1)])
def test_the_compile_cache_is_a_fault(value, faults, monkeypatch):
    monkeypatch.delenv("MS_COMPILER_CACHE_ENABLE", raising=False)
    if value is not None:
        monkeypatch.setenv("MS_COMPILER_CACHE_ENABLE", value)
    found = [one for one in machine.machine_findings() if one.state is State.FAULT]
    assert [one.subject for one in found] == ["MS_COMPILER_CACHE_ENABLE"] * faults


@pytest.mark.parametrize(("value", "threads"), [(None, 3), ("2", 2), ("0", 3), ("many", 3)])
def test_threads_are_those_of_the_affinity_mask_or_fewer(value, threads, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if value is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", value)
    found = f"compute {threads} (kernels, MindSpore), decode images up to 3"
    assert finding("threads").found == found


@pytest.mark.parametrize(
    ("limit", "found"),
    [
        (None, "16.0 GiB"),
        ("max\n", "16.0 GiB"),
        (f"{2**40}\n", "16.0 GiB"),
        (f"{3 * 2**29}\n", "16.0 GiB, of which this container may use 1.5 GiB"),
    ],
)
def test_memory(limit, found, tmp_path, monkeypatch):
    sizes = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 2**22}
    monkeypatch.setattr(os, "sysconf", sizes.__getitem__)
    monkeypatch.setattr(machine, "_CGROUP_LIMIT", tmp_path / "memory.max")
    if limit:
        (tmp_path / "memory.max").write_text(limit)
    assert finding("memory").found == found
