"""k-NN accuracies are the same on any number of ranks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from launched_jobs import TRAIN, Starter
from mindtune import cli, commands

SOURCE, TARGET = ("[0,1,2,3,4]", "[5,6,7,8,9]")
SMOKE = ("--smoke", "--max_steps", "1", "--epochs", "1")


def read_json(path: Path) -> Any:
    return json.loads(path.read_text())


def test_two_ranks_tell_what_one_tells(start: Starter, monkeypatch: pytest.MonkeyPatch) -> None:
    """In training, each rank with its share of an odd number of images; and from their files."""
    elsewhere = start.folder / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    before, run = start.folder / "before", start.folder / "run"
    argv = [*SMOKE, "--data.classes", SOURCE, "--out", str(before)]
    assert cli.run(commands.train, argv) == 0
    source = ["--forgetting.name", "digits", "--forgetting.classes", SOURCE, "--knn.k", "[5,300]"]
    job = start.mpirun(
        TRAIN, *SMOKE, "--pretrained", before, "--data.classes", TARGET, *source,
        "--tuning.modes", "[full]", "--optim.lr", 0.02, "--knn.cache", "features", "--out", run,
    )  # fmt: skip
    assert job.wait() == 0, job.err.read_text()
    told = read_json(run / "result.json")["forgetting"]
    assert told["bank_images"] % 2 == 1  # so that the shares differ; 300 are more than each
    assert job.said().count("k-NN on digits test, k 5") == 1

    features = start.folder / "features"
    assert len(list(features.glob("*-of-2.npy"))) == 8
    for cache in ([], ["--knn.cache", str(features)]):
        argv = ["--pretrained", str(run), "--protocol", "knn", "--data.classes", SOURCE, *cache]
        assert cli.run(commands.evaluate, argv) == 0
        found = read_json(run / "eval_knn_digits_test.json")
        assert (found["before"], found["after"]) == (told["before"], told["after"])
    assert len(list(features.glob("*.npy"))) == 8
    assert not list(elsewhere.iterdir())  # a run's cache is not an evaluation's
