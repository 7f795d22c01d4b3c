"""Method amu on two ranks is the run of one rank with the double batch."""

from __future__ import annotations

import json

import numpy as np
from safetensors.numpy import load_file

from launched_jobs import TRAIN, Starter
from mindtune import cli, commands

OPTIONS = (
    "--smoke --method amu --optim.eps 1e-4 --amu.search --evaluation.batch_size 50 "
    "--amu.start_views 2"
)


def test_two_ranks_train_what_one_trains(start_once: Starter, tmp_path) -> None:
    two, one = start_once.folder / "amu", tmp_path / "one"
    job = start_once.mpirun(TRAIN, *OPTIONS.split(), "--batch_size", 8, "--out", two)
    assert cli.run(commands.train, [*OPTIONS.split(), "--batch_size", "16", "--out", str(one)]) == 0
    assert job.wait() == 0, job.err.read_text()
    found, wanted = (load_file(r / "checkpoints" / "last.safetensors") for r in (two, one))
    assert sorted(found) == sorted(wanted)
    for key, value in wanted.items():
        scale = np.max(np.abs(value), initial=1e-30)
        np.testing.assert_allclose(found[key] / scale, value / scale, atol=1e-5, err_msg=key)
    found, wanted = (json.loads((r / "result.json").read_text()) for r in (two, one))
    for split in ("metrics", "val"):
        assert found[split]["images"] == wanted[split]["images"]
        np.testing.assert_allclose(found[split]["top1"], wanted[split]["top1"])
    assert found["search"]["alpha"] == wanted["search"]["alpha"]
